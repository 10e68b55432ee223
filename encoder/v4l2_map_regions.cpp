#include "encoder/v4l2_map_regions.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>

#include "encoder/qp_pooling.h"
#include "encoder/v4l2_region_controls.h"

namespace smartcodec {

namespace {

constexpr int kHevcBlock = 32;

/// `block` if the QP map can be pooled to it.
std::optional<int> usable(int block) {
    const bool multiple = block >= QpMap::kBlock && block % QpMap::kBlock == 0;
    return multiple ? std::optional(block) : std::nullopt;
}

std::size_t blocksOf(Size size, int block) {
    return static_cast<std::size_t>((size.width + block - 1) / block) *
           static_cast<std::size_t>((size.height + block - 1) / block);
}

bool isDynamic(const v4l2_query_ext_ctrl& control) {
    return (control.flags & V4L2_CTRL_FLAG_DYNAMIC_ARRAY) != 0;
}

/// V4L2_CID_MPEG_VIDEO_ROI_MB_DELTA_QP.
std::optional<V4l2MapRegions::Layout> byteMap(const V4l2RegionSearch& search) {
    const v4l2_query_ext_ctrl* const found = search.find([](const v4l2_query_ext_ctrl& control) {
        return control.id == kRoiMbDeltaQp && (control.type == kS8ControlType || control.type == kFirstS8ControlType) &&
               control.elem_size == 1 && control.nr_of_dims == 1 && control.minimum < 0 && control.maximum >= 0 &&
               controlNameHas(control, {"roi", "qp"});
    });
    if (found == nullptr)
        return std::nullopt;
    std::byte told{};
    const bool tells = search.controls.getPayload(kRoiMbSize, std::span(&told, 1)) == 0;
    const std::optional<int> block = usable(tells                         ? std::to_integer<int>(told)
                                            : search.codec == Codec::Hevc ? kHevcBlock
                                                                          : QpMap::kBlock);
    if (!block || blocksOf(search.size, *block) > found->dims[0])
        return std::nullopt;
    return V4l2MapRegions::Layout{
        .id = found->id,
        .elementBytes = 1,
        .elements = isDynamic(*found) ? blocksOf(search.size, *block) : found->dims[0],
        .block = *block,
        .low = static_cast<int>(std::max<std::int64_t>(found->minimum, -51)),
        .high = static_cast<int>(std::min<std::int64_t>(found->maximum, 51)),
        .lapses = true,
        .onlyChangesArrive = (found->flags & V4L2_CTRL_FLAG_EXECUTE_ON_WRITE) == 0,
        .modeId = {},
    };
}

/// V4L2_CID_MPEG_VIDEO_ROI_MAP_DELTA_QP.
std::optional<V4l2MapRegions::Layout> integerMap(const V4l2RegionSearch& search) {
    const v4l2_query_ext_ctrl* const found = search.find([](const v4l2_query_ext_ctrl& control) {
        return control.id == kRoiMap && control.type == V4L2_CTRL_TYPE_INTEGER && isDynamic(control) &&
               control.elem_size == sizeof(std::int32_t) && control.nr_of_dims == 1 && control.minimum < 0 &&
               controlNameHas(control, {"roi", "map"});
    });
    v4l2_area area{};
    if (found == nullptr || !search.offers(RoiMode::Map) ||
        search.controls.getPayload(kRoiBlock, std::as_writable_bytes(std::span(&area, 1))) != 0)
        return std::nullopt;
    const std::optional<int> block = area.width == area.height ? usable(static_cast<int>(area.width)) : std::nullopt;
    if (!block || blocksOf(search.size, *block) > found->dims[0])
        return std::nullopt;
    return V4l2MapRegions::Layout{
        .id = found->id,
        .elementBytes = sizeof(std::int32_t),
        .elements = blocksOf(search.size, *block),
        .block = *block,
        .low = static_cast<int>(std::max<std::int64_t>(found->minimum, -51)),
        .high = static_cast<int>(std::min<std::int64_t>(found->maximum, 51)),
        .lapses = false,
        .onlyChangesArrive = true,
        .modeId = kRoiMode,
    };
}

}  // namespace

std::unique_ptr<V4l2Regions> V4l2MapRegions::find(const V4l2RegionSearch& search) {
    std::optional<Layout> layout = byteMap(search);
    if (!layout)
        layout = integerMap(search);
    return layout ? std::make_unique<V4l2MapRegions>(search.controls, *layout) : nullptr;
}

V4l2MapRegions::V4l2MapRegions(V4l2Controls& controls, const Layout& layout)
    : controls_(controls), layout_(layout), next_(layout.elements * layout.elementBytes) {
    sent_.reserve(next_.size());
}

std::string V4l2MapRegions::description() const {
    const std::string block = std::to_string(layout_.block);
    return "QP map of " + block + "x" + block + " blocks, " + std::to_string(layout_.low) + ".." +
           std::to_string(layout_.high);
}

int V4l2MapRegions::apply(const QpMap& map, std::uint32_t) {
    if (!map.empty()) {
        poolQpMap(map, layout_.block / QpMap::kBlock, layout_.low, layout_.high, pooled_);
        if (std::ranges::any_of(pooled_.delta, [](std::int8_t delta) { return delta != 0; }))
            return send(pooled_.delta);
    }
    return standing_ ? clear() : 0;
}

int V4l2MapRegions::send(std::span<const std::int8_t> deltas) {
    write(deltas);
    if (next_ == sent_) {
        if (!layout_.lapses)
            return 0;
        if (layout_.onlyChangesArrive)
            makeDifferent(deltas.size());
    }
    standing_ = true;
    int error = controls_.setPayload(layout_.id, next_);
    if (error == 0 && layout_.modeId)
        error = controls_.set(*layout_.modeId, static_cast<std::int64_t>(RoiMode::Map)).error;
    if (error != 0) {
        sent_.clear();
        return error;
    }
    sent_.assign(next_.begin(), next_.end());
    return 0;
}

int V4l2MapRegions::clear() {
    int error = 0;
    if (layout_.modeId) {
        error = controls_.set(*layout_.modeId, static_cast<std::int64_t>(RoiMode::None)).error;
    } else {
        std::ranges::fill(next_, std::byte{0});
        error = controls_.setPayload(layout_.id, next_);
    }
    sent_.clear();
    standing_ = error != 0;
    return error;
}

void V4l2MapRegions::write(std::span<const std::int8_t> deltas) {
    assert(deltas.size() <= layout_.elements);
    if (layout_.elementBytes == 1) {
        std::memcpy(next_.data(), deltas.data(), deltas.size());
        std::fill(next_.begin() + static_cast<std::ptrdiff_t>(deltas.size()), next_.end(), std::byte{0});
        return;
    }
    for (std::size_t i = 0; i < deltas.size(); ++i) {
        const std::int32_t delta = deltas[i];
        std::memcpy(next_.data() + i * sizeof(delta), &delta, sizeof(delta));
    }
}

/// A map that lapses with its frame would not reach the driver again if it were the same. The difference is in an
/// element that belongs to no block, if there is one; else the last block is one step finer for this frame.
void V4l2MapRegions::makeDifferent(std::size_t blocks) {
    assert(layout_.elementBytes == 1);
    std::byte& last = next_.back();
    const int delta = static_cast<std::int8_t>(last);
    const bool spare = blocks < layout_.elements;
    last = static_cast<std::byte>(spare ? -1 : delta > layout_.low ? delta - 1 : delta + 1);
}

}  // namespace smartcodec
