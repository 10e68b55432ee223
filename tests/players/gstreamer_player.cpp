#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <cmath>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

#include "capture/scene_overlay.h"
#include "tests/players/player.h"

namespace smartcodec::test {

namespace {

constexpr GstClockTime kLimit = 20 * GST_SECOND;

struct Unref {
    void operator()(GstElement* element) const noexcept { gst_object_unref(element); }
    void operator()(GstBus* bus) const noexcept { gst_object_unref(bus); }
    void operator()(GstMessage* message) const noexcept { gst_message_unref(message); }
    void operator()(GstSample* sample) const noexcept { gst_sample_unref(sample); }
    void operator()(GError* error) const noexcept { g_error_free(error); }
};
template <typename T>
using Owned = std::unique_ptr<T, Unref>;

class GstreamerPlayer final : public Player {
  public:
    explicit GstreamerPlayer(const std::string& path) {
        gst_init(nullptr, nullptr);
        GError* error = nullptr;
        pipeline_.reset(
            gst_parse_launch("filesrc name=file ! decodebin ! videoconvert ! video/x-raw,format=GRAY8 ! "
                             "appsink name=sink sync=false",
                             &error));
        const Owned<GError> owned(error);
        if (!pipeline_ || error)
            throw std::runtime_error(std::string("GStreamer makes no pipeline: ") + (error ? error->message : "") +
                                     ": scripts/setup gstreamer1.0-plugins-good gstreamer1.0-libav");
        const Owned<GstElement> file(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "file"));
        g_object_set(file.get(), "location", path.c_str(), nullptr);
        sink_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "sink"));
        gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
        settle("opens it");
    }
    ~GstreamerPlayer() override { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    GstreamerPlayer(const GstreamerPlayer&) = delete;
    GstreamerPlayer& operator=(const GstreamerPlayer&) = delete;

    [[nodiscard]] Shows shows() const override { return Shows::TheOneThere; }

    [[nodiscard]] bool looksForTheEnd() const override { return false; }

    [[nodiscard]] double duration() override {
        gint64 nanoseconds = 0;
        if (!gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &nanoseconds) || nanoseconds < 0)
            throw std::runtime_error("GStreamer knows no duration");
        return static_cast<double>(nanoseconds) / GST_SECOND;
    }

    [[nodiscard]] std::optional<std::uint32_t> numberAt(double seconds) override {
        const auto place = static_cast<gint64>(std::llround(seconds * GST_SECOND));
        const auto flags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE);
        if (!gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME, flags, place))
            throw std::runtime_error("GStreamer refuses to go to " + std::to_string(seconds));
        settle("shows something at " + std::to_string(seconds));
        const Owned<GstSample> sample(gst_app_sink_try_pull_preroll(GST_APP_SINK(sink_.get()), kLimit));
        if (!sample)
            throw std::runtime_error("GStreamer shows nothing at " + std::to_string(seconds));
        return numberIn(*sample);
    }

  private:
    static std::optional<std::uint32_t> numberIn(GstSample& sample) {
        const GstStructure* caps = gst_caps_get_structure(gst_sample_get_caps(&sample), 0);
        Size size;
        gst_structure_get_int(caps, "width", &size.width);
        gst_structure_get_int(caps, "height", &size.height);
        GstBuffer* buffer = gst_sample_get_buffer(&sample);
        GstMapInfo map{};
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
            throw std::runtime_error("GStreamer does not give its picture");
        constexpr int kRowAlignment = 4;  // of GRAY8, unless the buffer says otherwise, which appsink's do not
        const auto stride = static_cast<std::size_t>((size.width + kRowAlignment - 1) / kRowAlignment * kRowAlignment);
        const auto number =
            readFrameNumber({.strideBytes = stride, .data = reinterpret_cast<std::byte*>(map.data)}, size);
        gst_buffer_unmap(buffer, &map);
        return number;
    }

    /// Waits for what was asked for.
    void settle(const std::string& what) {
        if (gst_element_get_state(pipeline_.get(), nullptr, nullptr, kLimit) == GST_STATE_CHANGE_SUCCESS)
            return;
        const Owned<GstBus> bus(gst_element_get_bus(pipeline_.get()));
        const Owned<GstMessage> message(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
        std::string why = "no answer";
        if (message) {
            GError* error = nullptr;
            gst_message_parse_error(message.get(), &error, nullptr);
            const Owned<GError> owned(error);
            why = error->message;
        }
        throw std::runtime_error("GStreamer: it never " + what + ": " + why);
    }

    Owned<GstElement> pipeline_;
    Owned<GstElement> sink_;
};

}  // namespace

std::unique_ptr<Player> openInGstreamer(const std::string& path) {
    return std::make_unique<GstreamerPlayer>(path);
}

}  // namespace smartcodec::test
