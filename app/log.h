#pragma once

namespace smartcodec {

/// Log lines go to standard error as "smartcodec: ..."; the libraries' own chatter goes nowhere, since what matters of
/// it comes back in statuses and exceptions.
void setUpLog();

}  // namespace smartcodec
