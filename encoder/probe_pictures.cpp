#include "encoder/probe_pictures.h"

#include <cstring>

namespace smartcodec {

namespace {

constexpr std::size_t kPictures = 6;  // more than encoders refer back
constexpr int kGrey = 0x80;
constexpr int kStep = 2;  // pixels that the waves move from picture to picture

/// Of -8..7 grey levels: what costs bits. At 0.15 bits per pixel it takes a quantiser in the middle of the scale.
struct Noise {
    std::uint32_t state;
    int next() {
        state = state * 1664525u + 1013904223u;
        return static_cast<int>(state >> 28) - 8;
    }
};

/// Up and down between 0 and 31, smoothly: a coarse quantiser leaves nothing of it to code.
int wave(int at) {
    const int phase = at & 63;
    return phase < 32 ? phase : 63 - phase;
}

void paint(const Picture& picture, ProbePictures::Content content, int number) {
    Noise noise{.state = 12345u + static_cast<std::uint32_t>(number) * 7919u};
    const int textured = content == ProbePictures::Content::Whole ? picture.size.width : picture.size.width / 2;
    const Plane& luma = picture.planes[0];
    for (int y = 0; y < picture.size.height; ++y) {
        std::byte* const row = luma.data + static_cast<std::size_t>(y) * luma.strideBytes;
        for (int x = 0; x < textured; ++x) {
            const int texture = wave(x + number * kStep) + wave(y);
            row[x] = static_cast<std::byte>(90 + texture + noise.next());
        }
        std::memset(row + textured, kGrey, static_cast<std::size_t>(picture.size.width - textured));
    }
    const Size chroma = planeSizeBytes(picture.format, picture.size, 1);
    for (int y = 0; y < chroma.height; ++y)
        std::memset(picture.planes[1].data + static_cast<std::size_t>(y) * picture.planes[1].strideBytes, kGrey,
                    static_cast<std::size_t>(chroma.width));
}

}  // namespace

ProbePictures::ProbePictures(Size size) {
    FramePool pool(kNv12, size);
    for (const Content content : {Content::Whole, Content::LeftHalf})
        for (std::size_t i = 0; i < kPictures; ++i) {
            Frame frame = pool.make({});
            paint(frame->picture, content, static_cast<int>(i));
            (content == Content::Whole ? whole_ : leftHalf_).push_back(std::move(frame));
        }
}

const Picture& ProbePictures::picture(Content content, std::size_t number) const {
    return (content == Content::Whole ? whole_ : leftHalf_)[number % kPictures]->picture;
}

}  // namespace smartcodec
