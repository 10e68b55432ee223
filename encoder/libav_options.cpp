#include "encoder/libav_options.h"

extern "C" {
#include <libavutil/opt.h>
}

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "capture/libav_handles.h"

namespace smartcodec {

void setOption(AVCodecContext& context, const char* option, const std::string& value) {
    if (const int result = av_opt_set(context.priv_data, option, value.c_str(), 0); result < 0)
        throw std::runtime_error(std::string("setting option '") + option + "' of " + context.codec->name + " to '" +
                                 value + "': " + libavError(result) + "; install a newer libavcodec");
}

int clampToInt(std::int64_t bits) {
    return static_cast<int>(std::clamp<std::int64_t>(bits, 0, std::numeric_limits<int>::max()));
}

}  // namespace smartcodec
