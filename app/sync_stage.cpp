#include "app/sync_stage.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace smartcodec {

void SyncStage::run() {
    while (const UniqueFd file = files_.take()) {
        if (fdatasync(file.get()) != 0 && errno != EINTR)
            failure_.report("waiting for the disk to store the recording: " +
                            std::error_code(errno, std::generic_category()).message() +
                            "; check the disk or record to another one");
    }
}

}  // namespace smartcodec
