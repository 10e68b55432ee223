#include "app/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

extern "C" {
#include <libavutil/log.h>
}

namespace smartcodec {

void setUpLog() {
    auto logger = spdlog::stderr_logger_mt("smartcodec");
    logger->set_pattern("%n: %v");
    spdlog::set_default_logger(std::move(logger));
    av_log_set_level(AV_LOG_QUIET);
}

}  // namespace smartcodec
