#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/picture.h"
#include "capture/scene_math.h"

namespace smartcodec {

/// A kYuv420 picture in memory of its own.
class ScenePicture {
  public:
    explicit ScenePicture(Size size) : bytes_(samples(size) * 3 / 2) {
        picture_.format = kYuv420;
        picture_.size = size;
        picture_.writable = true;
        const auto width = static_cast<std::size_t>(size.width);
        const std::array<std::size_t, 3> offsets{0, samples(size), samples(size) * 5 / 4};
        for (std::size_t plane = 0; plane < offsets.size(); ++plane)
            picture_.planes[plane] = {.dmabuf = -1,
                                      .offsetBytes = 0,
                                      .strideBytes = plane == 0 ? width : width / 2,
                                      .data = reinterpret_cast<std::byte*>(bytes_.data() + offsets[plane])};
    }
    ScenePicture(const ScenePicture&) = delete;
    ScenePicture& operator=(const ScenePicture&) = delete;

    [[nodiscard]] const Picture& view() const { return picture_; }
    [[nodiscard]] std::span<std::uint8_t> plane(int index) { return {first(index), count(index)}; }
    [[nodiscard]] std::span<const std::uint8_t> plane(int index) const { return {first(index), count(index)}; }
    [[nodiscard]] std::uint64_t hash() const {
        std::uint64_t result = 0xcbf29ce484222325;  // FNV-1a
        for (const std::uint8_t value : bytes_)
            result = (result ^ value) * 0x100000001b3;
        return result;
    }

  private:
    static std::size_t samples(Size size) {
        return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
    }
    [[nodiscard]] std::uint8_t* first(int index) const {
        return reinterpret_cast<std::uint8_t*>(picture_.planes[static_cast<std::size_t>(index)].data);
    }
    [[nodiscard]] std::size_t count(int index) const { return samples(picture_.size) / (index == 0 ? 1 : 4); }

    std::vector<std::uint8_t> bytes_;
    Picture picture_;
};

}  // namespace smartcodec
