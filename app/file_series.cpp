#include "app/file_series.h"

#include <filesystem>
#include <system_error>

namespace smartcodec {

void FileSeries::discard(OpenOutput& output) {
    (void)output.writer->close();  // nothing is lost with it
    std::error_code ignored;       // what cannot be removed stays, which harms nobody
    if (std::filesystem::is_regular_file(output.path, ignored))
        std::filesystem::remove(output.path, ignored);
    output.writer.reset();
}

}  // namespace smartcodec
