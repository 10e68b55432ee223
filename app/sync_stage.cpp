#include "app/sync_stage.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "mux/output_file.h"

namespace smartcodec {

namespace {

Status failed(int error) {
    const std::error_code code(error, std::generic_category());
    return Status::failure(
        "waiting for the disk to store the recording: " + code.message() + "; check the disk or record to another one",
        code);
}

}  // namespace

void SyncStage::run() {
    while (const UniqueFd file = files_.take()) {
        const DiskWatch::Busy busy(watch_);
        if (fdatasync(file.get()) == 0 || errno == EINTR)
            continue;
        const int error = errno;
        const Status status = failed(error);
        if (survives_ && !isDiskFull(status.code()))
            failure_.note(status.message());
        else
            failure_.report(status.message());
        error_.store(error, std::memory_order_relaxed);
    }
}

Status SyncStage::takeFailure() {
    const int error = error_.exchange(0, std::memory_order_relaxed);
    return error == 0 ? Status() : failed(error);
}

}  // namespace smartcodec
