#include "encoder/v4l2_rectangle_regions.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "encoder/v4l2_region_controls.h"

namespace smartcodec {

namespace {

constexpr int kHevcBlock = 64;  // of VeriSilicon's and NVIDIA's encoders

v4l2_rect toV4l2(const QpRegion& region) {
    return {.left = region.left,
            .top = region.top,
            .width = static_cast<std::uint32_t>(region.right - region.left),
            .height = static_cast<std::uint32_t>(region.bottom - region.top)};
}

int codecBlock(Codec codec) {
    return codec == Codec::Hevc ? kHevcBlock : QpMap::kBlock;
}

bool isStructure(const v4l2_query_ext_ctrl& control, std::size_t bytes) {
    return control.elem_size == bytes && control.type >= V4L2_CTRL_COMPOUND_TYPES && control.nr_of_dims == 0;
}

/// NXP's V4L2_CID_ROI: stands until it is changed.
class ImxRegionControl final : public V4l2RectangleRegions {
  public:
    static std::unique_ptr<V4l2Regions> find(const V4l2RegionSearch& search) {
        const v4l2_query_ext_ctrl* const found = search.find([](const v4l2_query_ext_ctrl& control) {
            // VeriSilicon's own driver has a control of the same name, in which the delta may be an absolute QP.
            constexpr std::uint32_t kVsiBase = V4L2_CID_USER_BASE + 0x1080;
            const bool vsi = control.id >= kVsiBase && control.id < kVsiBase + 16;
            return !vsi && isStructure(control, sizeof(ImxRegions)) && controlNameHas(control, {"roi"});
        });
        if (found == nullptr)
            return nullptr;
        const v4l2_query_ext_ctrl* const count = search.find([&](const v4l2_query_ext_ctrl& control) {
            return control.id == found->id - 1 && control.type == V4L2_CTRL_TYPE_INTEGER &&
                   controlNameHas(control, {"roi"});
        });
        const std::int64_t regions = count == nullptr ? 0 : search.controls.get(count->id).value_or(0);
        if (regions <= 0)
            return nullptr;
        QpRectangles::Limits limits{.block = codecBlock(search.codec),
                                    .count = std::min(static_cast<std::size_t>(regions), kImxRegions)};
        // The encoders with fewer (Hantro H1) refuse a picture whose deltas are outside of -15..0.
        if (limits.count < kImxRegions) {
            limits.low = -15;
            limits.high = 0;
        }
        return std::unique_ptr<V4l2Regions>(new ImxRegionControl(search.controls, found->id, search.size, limits));
    }

  private:
    ImxRegionControl(V4l2Controls& controls, std::uint32_t id, Size size, const QpRectangles::Limits& limits)
        : V4l2RectangleRegions(size, limits, false), controls_(controls), id_(id) {}

    int send(std::span<const QpRegion> regions, std::uint32_t) override {
        ImxRegions set{};
        set.count = static_cast<std::uint32_t>(regions.size());
        for (std::size_t i = 0; i < regions.size(); ++i)
            set.regions[i] = {.rect = toV4l2(regions[i]), .enable = 1, .qpDelta = regions[i].delta, .reserved = {}};
        return controls_.setPayload(id_, std::as_bytes(std::span(&set, 1)));
    }

    V4l2Controls& controls_;
    std::uint32_t id_;
};

/// V4L2_CID_MPEG_VIDEO_ROI_RECT and _ROI_RECT_DELTA_QP.
class ProposedRegionControls final : public V4l2RectangleRegions {
  public:
    static std::unique_ptr<V4l2Regions> find(const V4l2RegionSearch& search) {
        const auto dynamic = [&](std::uint32_t id, std::uint32_t type, std::size_t bytes) {
            return search.find([=](const v4l2_query_ext_ctrl& control) {
                return control.id == id && control.type == type && control.elem_size == bytes &&
                       control.nr_of_dims == 1 && (control.flags & V4L2_CTRL_FLAG_DYNAMIC_ARRAY) != 0 &&
                       controlNameHas(control, {"roi", "rect"});
            });
        };
        const auto rects = dynamic(kRoiRects, kRectControlType, sizeof(v4l2_rect));
        const auto deltas = dynamic(kRoiDeltas, V4L2_CTRL_TYPE_INTEGER, sizeof(std::int32_t));
        if (rects == nullptr || deltas == nullptr || !search.offers(RoiMode::Rectangles))
            return nullptr;
        v4l2_area area{};
        int block = codecBlock(search.codec);
        if (search.controls.getPayload(kRoiBlock, std::as_writable_bytes(std::span(&area, 1))) == 0 && area.width > 0) {
            // Another edge than a multiple of 16 is rounded outward by the driver.
            const auto largest = static_cast<int>(std::max(area.width, area.height));
            block = (largest + QpMap::kBlock - 1) / QpMap::kBlock * QpMap::kBlock;
        }
        const QpRectangles::Limits limits{
            .block = block,
            .count = std::min(rects->dims[0], deltas->dims[0]),
            .low = static_cast<int>(std::clamp<std::int64_t>(deltas->minimum, -51, 0)),
            .high = static_cast<int>(std::clamp<std::int64_t>(deltas->maximum, 0, 51)),
        };
        return std::unique_ptr<V4l2Regions>(new ProposedRegionControls(search.controls, search.size, limits));
    }

  private:
    ProposedRegionControls(V4l2Controls& controls, Size size, const QpRectangles::Limits& limits)
        : V4l2RectangleRegions(size, limits, false), controls_(controls) {
        rects_.reserve(limits.count);
        deltas_.reserve(limits.count);
    }

    int send(std::span<const QpRegion> regions, std::uint32_t) override {
        if (regions.empty())  // dynamic arrays cannot be
            return controls_.set(kRoiMode, static_cast<std::int64_t>(RoiMode::None)).error;
        rects_.clear();
        deltas_.clear();
        for (const QpRegion& region : regions) {
            rects_.push_back(toV4l2(region));
            deltas_.push_back(region.delta);
        }
        if (const int error = controls_.setPayload(kRoiRects, std::as_bytes(std::span(rects_))); error != 0)
            return error;
        if (const int error = controls_.setPayload(kRoiDeltas, std::as_bytes(std::span(deltas_))); error != 0)
            return error;
        return controls_.set(kRoiMode, static_cast<std::int64_t>(RoiMode::Rectangles)).error;
    }

    V4l2Controls& controls_;
    std::vector<v4l2_rect> rects_;
    std::vector<std::int32_t> deltas_;
};

/// NVIDIA's V4L2_CID_MPEG_VIDEOENC_ROI_PARAMS: for the picture in one buffer.
class JetsonRegionControl final : public V4l2RectangleRegions {
  public:
    static std::unique_ptr<V4l2Regions> find(const V4l2RegionSearch& search) {
        const v4l2_query_ext_ctrl* const found = search.find([](const v4l2_query_ext_ctrl& control) {
            return isStructure(control, sizeof(JetsonRegionSet)) && controlNameHas(control, {"roi"});
        });
        const v4l2_query_ext_ctrl* const enable = search.find([](const v4l2_query_ext_ctrl& control) {
            return control.elem_size == 1 && controlNameHas(control, {"roi", "enable"});
        });
        if (found == nullptr || enable == nullptr)
            return nullptr;
        // To be done before buffers are requested.
        constexpr std::byte kOn{1};
        if (search.controls.setPayload(enable->id, std::span(&kOn, 1)) != 0)
            return nullptr;
        const QpRectangles::Limits limits{.block = codecBlock(search.codec), .count = kJetsonRegions};
        return std::unique_ptr<V4l2Regions>(new JetsonRegionControl(search.controls, found->id, search.size, limits));
    }

  private:
    JetsonRegionControl(V4l2Controls& controls, std::uint32_t id, Size size, const QpRectangles::Limits& limits)
        : V4l2RectangleRegions(size, limits, true), controls_(controls), id_(id) {}

    int send(std::span<const QpRegion> regions, std::uint32_t bufferIndex) override {
        JetsonRegionSet set{};
        set.count = static_cast<std::uint32_t>(regions.size());
        for (std::size_t i = 0; i < regions.size(); ++i)
            set.regions[i] = {.rect = toV4l2(regions[i]), .qpDelta = regions[i].delta};
        set.configStore = bufferIndex;
        return controls_.setPayload(id_, std::as_bytes(std::span(&set, 1)));
    }

    V4l2Controls& controls_;
    std::uint32_t id_;
};

}  // namespace

std::unique_ptr<V4l2Regions> V4l2RectangleRegions::find(const V4l2RegionSearch& search) {
    if (auto regions = ProposedRegionControls::find(search))
        return regions;
    if (auto regions = ImxRegionControl::find(search))
        return regions;
    return JetsonRegionControl::find(search);
}

V4l2RectangleRegions::V4l2RectangleRegions(Size size, const QpRectangles::Limits& limits, bool lapsing)
    : rectangles_(size, limits), limits_(limits), lapsing_(lapsing) {
    sent_.reserve(limits.count);
}

std::string V4l2RectangleRegions::description() const {
    const std::string block = std::to_string(limits_.block);
    return std::to_string(limits_.count) + (limits_.count == 1 ? " rectangle" : " rectangles") + " of " + block + "x" +
           block + " blocks, " + std::to_string(limits_.low) + ".." + std::to_string(limits_.high);
}

int V4l2RectangleRegions::apply(const QpMap& map, std::uint32_t bufferIndex) {
    const std::span<const QpRegion> regions = rectangles_.build(map);
    if (regions.empty() && !everSent_)
        return 0;
    if (!lapsing_ && sentKnown_ && std::ranges::equal(regions, sent_))
        return 0;
    everSent_ = true;
    const int error = send(regions, bufferIndex);
    sentKnown_ = error == 0;
    sent_.assign(regions.begin(), regions.end());
    return error;
}

}  // namespace smartcodec
