#include "capture/pipe_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <system_error>

namespace smartcodec {

bool PipeInput::isPipe(const std::string& path) {
    std::error_code error;  // what is not there is no pipe
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    return std::filesystem::is_fifo(status) || std::filesystem::is_character_file(status) ||
           std::filesystem::is_socket(status);
}

PipeInput::PipeInput(const std::string& path)
    // without waiting for a writer; which is then poll's affair
    : pipe_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)), stopped_(eventfd(0, EFD_CLOEXEC)) {
    if (!pipe_ || !stopped_)
        throw std::system_error(errno, std::generic_category(), "opening input " + path);
    constexpr int kBufferBytes = 1 << 16;  // what a pipe holds
    auto* buffer = static_cast<unsigned char*>(avAllocated(av_malloc(kBufferBytes)));
    context_.reset(avio_alloc_context(buffer, kBufferBytes, 0, this, read, nullptr, nullptr));
    if (!context_) {
        av_free(buffer);
        throw std::bad_alloc();
    }
    context_->seekable = 0;
}

void PipeInput::stopOn(const std::stop_token& stop) {
    wake_.emplace(stop, Wake{stopped_.get()});
}

void PipeInput::Wake::operator()() const noexcept {
    (void)eventfd_write(descriptor, 1);  // one event always fits
}

void PipeInput::FreeContext::operator()(AVIOContext* context) const noexcept {
    av_freep(&context->buffer);  // libavformat may have replaced the one that it was given
    avio_context_free(&context);
}

int PipeInput::read(void* self, std::uint8_t* buffer, int size) {
    const PipeInput& input = *static_cast<PipeInput*>(self);
    for (;;) {
        pollfd descriptors[] = {{.fd = input.pipe_.get(), .events = POLLIN, .revents = 0},
                                {.fd = input.stopped_.get(), .events = POLLIN, .revents = 0}};
        if (poll(descriptors, std::size(descriptors), -1) < 0 && errno != EINTR)
            return AVERROR(errno);
        if (descriptors[1].revents != 0)
            return AVERROR_EXIT;
        if (descriptors[0].revents == 0)
            continue;
        const ssize_t got = ::read(input.pipe_.get(), buffer, static_cast<std::size_t>(size));
        if (got > 0)
            return static_cast<int>(got);
        if (got == 0)
            return AVERROR_EOF;
        if (errno != EAGAIN && errno != EINTR)
            return AVERROR(errno);
    }
}

}  // namespace smartcodec
