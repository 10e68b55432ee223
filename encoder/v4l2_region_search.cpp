#include "encoder/v4l2_region_search.h"

#include <cctype>
#include <cstring>
#include <string>

namespace smartcodec {

bool controlNameHas(const v4l2_query_ext_ctrl& control, std::initializer_list<std::string_view> words) {
    std::string name(control.name, strnlen(control.name, sizeof(control.name)));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return std::ranges::all_of(words, [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

bool V4l2RegionSearch::offers(RoiMode mode) const {
    const v4l2_query_ext_ctrl* const menu = find([](const v4l2_query_ext_ctrl& control) {
        return control.id == kRoiMode && control.type == V4L2_CTRL_TYPE_MENU &&
               controlNameHas(control, {"roi", "mode"});
    });
    v4l2_querymenu item{};
    item.id = kRoiMode;
    item.index = static_cast<std::uint32_t>(mode);
    return menu != nullptr && device.ioctl(VIDIOC_QUERYMENU, item) == 0;
}

}  // namespace smartcodec
