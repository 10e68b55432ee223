#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string_view>

#include "capture/picture.h"
#include "encoder/codec.h"
#include "encoder/v4l2_controls.h"
#include "encoder/v4l2_region_controls.h"

namespace smartcodec {

/// Whether the control's name has all of the words, which are in lower case.
[[nodiscard]] bool controlNameHas(const v4l2_query_ext_ctrl& control, std::initializer_list<std::string_view> words);

/// What an interface for regions is looked for in. Borrowed for the call.
struct V4l2RegionSearch {
    const V4l2Device& device;
    V4l2Controls& controls;
    std::span<const v4l2_query_ext_ctrl> listed;  ///< all controls of the device
    Codec codec;
    Size size;  ///< of the pictures

    /// Null: none is so.
    template <typename Predicate>
    [[nodiscard]] const v4l2_query_ext_ctrl* find(Predicate&& is) const {
        const auto found = std::ranges::find_if(listed, is);
        return found == listed.end() ? nullptr : &*found;
    }
    /// Whether the menu kRoiMode is there and has this item.
    [[nodiscard]] bool offers(RoiMode mode) const;
};

}  // namespace smartcodec
