#pragma once

#error "this is a header of the project that uses the library, not of the library"
