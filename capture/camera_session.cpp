#include "capture/camera_session.h"

#include <stdexcept>
#include <utility>

namespace smartcodec {

class CameraSession::Lease final : public FrameBuffer {
  public:
    Lease(CameraSession& owner, std::size_t buffer) : owner_(owner), buffer_(buffer) {}

    void lendFrom(std::shared_ptr<CameraSession> session, Frame analysis) {
        session_ = std::move(session);
        analysis_ = std::move(analysis);
    }

  private:
    void recycle() noexcept override {
        analysis_.reset();
        const std::shared_ptr<CameraSession> session = std::move(session_);  // may be the last: this dies with it
        owner_.lastReturn_.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
        owner_.giveBack(buffer_);
    }

    CameraSession& owner_;
    const std::size_t buffer_;
    std::shared_ptr<CameraSession> session_;  // only while lent
    Frame analysis_;                          // a small picture that was made for this one, not by the camera
};

CameraSession::CameraSession(std::unique_ptr<CameraDevice> device, const CameraRequest& request)
    : device_(std::move(device)), setup_(device_->configure(request)) {
    for (std::size_t i = 0; i < setup_.buffers.size(); ++i)
        leases_.push_back(std::make_unique<Lease>(*this, i));
}

CameraSession::~CameraSession() {
    stop();
}

void CameraSession::start(CameraListener& listener) {
    device_->start(listener);
    started_ = true;
    queueing_.open();
    for (std::size_t i = 0; i < leases_.size(); ++i) {
        if (const Status queued = queue(i); !queued.ok())
            throw std::runtime_error(queued.message());
    }
}

/// No buffer is given to the camera any more, and none is being given. False: it was so before.
bool CameraSession::close() noexcept {
    if (!std::exchange(started_, false))
        return false;
    queueing_.close();
    return true;
}

void CameraSession::stop() noexcept {
    if (close())
        device_->stop();
}

void CameraSession::abandon() noexcept {
    if (close() && device_->abandon())
        static_cast<void>(device_.release());
}

Frame CameraSession::lend(std::size_t buffer, const Frame::Description& description, Frame analysis) {
    Lease& lease = *leases_[buffer];
    lease.lendFrom(shared_from_this(), std::move(analysis));
    return Frame(lease, description);
}

void CameraSession::giveBack(std::size_t buffer) noexcept {
    // a camera that refuses it has been lost, which its listener is told
    (void)queue(buffer);
}

Status CameraSession::queue(std::size_t buffer) noexcept {
    Status status;
    queueing_.pass([&] {
        queued_.fetch_add(1, std::memory_order_relaxed);  // before the camera can have finished with it
        status = device_->queue(buffer);
        if (!status.ok())
            queued_.fetch_sub(1, std::memory_order_relaxed);
    });
    return status;
}

}  // namespace smartcodec
