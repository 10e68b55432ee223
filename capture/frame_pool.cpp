#include "capture/frame_pool.h"

#include <array>
#include <cassert>
#include <new>

#include "capture/buffer_depot.h"

namespace smartcodec {
namespace {

constexpr std::size_t kRowAlignmentBytes = 64;  // a cache line, and the widest vector registers (AVX-512)

std::size_t aligned(std::size_t bytes) {
    return (bytes + kRowAlignmentBytes - 1) / kRowAlignmentBytes * kRowAlignmentBytes;
}

struct FreeAligned {
    void operator()(std::byte* memory) const noexcept {
        ::operator delete (memory, std::align_val_t{kRowAlignmentBytes});
    }
};

class PooledPicture final : public BufferDepot<PooledPicture>::Lent {
  public:
    PooledPicture(PixelFormat format, Size size) {
        std::array<std::size_t, kMaxPlanes> offsets{};
        std::size_t total = 0;
        picture_.format = format;
        picture_.size = size;
        picture_.writable = true;
        const auto planes = static_cast<std::size_t>(planeCount(format));
        for (std::size_t i = 0; i < planes; ++i) {
            const Size bytes = planeSizeBytes(format, size, static_cast<int>(i));
            picture_.planes[i].strideBytes = aligned(static_cast<std::size_t>(bytes.width));
            offsets[i] = total;
            total += picture_.planes[i].strideBytes * static_cast<std::size_t>(bytes.height);
        }
        memory_.reset(static_cast<std::byte*>(::operator new (total, std::align_val_t{kRowAlignmentBytes})));
        for (std::size_t i = 0; i < planes; ++i)
            picture_.planes[i].data = memory_.get() + offsets[i];
    }

    [[nodiscard]] const Picture& picture() const { return picture_; }

  private:
    std::unique_ptr<std::byte, FreeAligned> memory_;
    Picture picture_;
};

}  // namespace

struct FramePool::Shared : BufferDepot<PooledPicture> {
    Shared(PixelFormat poolFormat, Size poolSize) : format(poolFormat), size(poolSize) {}
    const PixelFormat format;
    const Size size;
};

FramePool::FramePool(PixelFormat format, Size size) : shared_(std::make_shared<Shared>(format, size)) {
    assert(planeCount(format) > 0 && size.width > 0 && size.height > 0);
}
FramePool::~FramePool() = default;
FramePool::FramePool(FramePool&&) noexcept = default;
FramePool& FramePool::operator=(FramePool&&) noexcept = default;

Frame FramePool::make(const Frame::Description& description) {
    PooledPicture& buffer =
        shared_->lend([this] { return std::make_unique<PooledPicture>(shared_->format, shared_->size); });
    Frame::Description own = description;
    own.picture = buffer.picture();
    return Frame(buffer, own);
}

}  // namespace smartcodec
