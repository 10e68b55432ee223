#include "tests/support/emulated_v4l2.h"

#include <linux/videodev2.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <mutex>
#include <utility>

#include "tests/support/emulated_v4l2_file.h"

namespace smartcodec {
namespace {

using emulated::EncoderFile;
using Clock = std::chrono::steady_clock;

struct RequestName {
    unsigned long request;
    const char* name;
    bool typed;  // its argument begins with, or has first, a buffer type
};

constexpr RequestName kRequests[] = {
    {VIDIOC_QUERYCAP, "QUERYCAP", false},
    {VIDIOC_ENUM_FMT, "ENUM_FMT", true},
    {VIDIOC_G_FMT, "G_FMT", true},
    {VIDIOC_S_FMT, "S_FMT", true},
    {VIDIOC_TRY_FMT, "TRY_FMT", true},
    {VIDIOC_REQBUFS, "REQBUFS", true},
    {VIDIOC_QUERYBUF, "QUERYBUF", true},
    {VIDIOC_QBUF, "QBUF", true},
    {VIDIOC_EXPBUF, "EXPBUF", true},
    {VIDIOC_DQBUF, "DQBUF", true},
    {VIDIOC_STREAMON, "STREAMON", true},
    {VIDIOC_STREAMOFF, "STREAMOFF", true},
    {VIDIOC_G_PARM, "G_PARM", true},
    {VIDIOC_S_PARM, "S_PARM", true},
    {VIDIOC_G_CTRL, "G_CTRL", false},
    {VIDIOC_S_CTRL, "S_CTRL", false},
    {VIDIOC_QUERYCTRL, "QUERYCTRL", false},
    {VIDIOC_QUERYMENU, "QUERYMENU", false},
    {VIDIOC_G_EXT_CTRLS, "G_EXT_CTRLS", false},
    {VIDIOC_S_EXT_CTRLS, "S_EXT_CTRLS", false},
    {VIDIOC_TRY_EXT_CTRLS, "TRY_EXT_CTRLS", false},
    {VIDIOC_QUERY_EXT_CTRL, "QUERY_EXT_CTRL", false},
    {VIDIOC_ENUM_FRAMESIZES, "ENUM_FRAMESIZES", false},
    {VIDIOC_ENUM_FRAMEINTERVALS, "ENUM_FRAMEINTERVALS", false},
    {VIDIOC_ENCODER_CMD, "ENCODER_CMD", false},
    {VIDIOC_TRY_ENCODER_CMD, "TRY_ENCODER_CMD", false},
    {VIDIOC_DQEVENT, "DQEVENT", false},
    {VIDIOC_SUBSCRIBE_EVENT, "SUBSCRIBE_EVENT", false},
    {VIDIOC_UNSUBSCRIBE_EVENT, "UNSUBSCRIBE_EVENT", false},
    {VIDIOC_G_SELECTION, "G_SELECTION", true},
    {VIDIOC_S_SELECTION, "S_SELECTION", true},
    {VIDIOC_G_CROP, "G_CROP", true},
    {VIDIOC_S_CROP, "S_CROP", true},
    {VIDIOC_CREATE_BUFS, "CREATE_BUFS", false},
};

std::uint32_t bufferType(unsigned long request, const void* argument) {
    switch (request) {
        case VIDIOC_QBUF:
        case VIDIOC_DQBUF:
        case VIDIOC_QUERYBUF:
            return static_cast<const v4l2_buffer*>(argument)->type;
        case VIDIOC_REQBUFS:
            return static_cast<const v4l2_requestbuffers*>(argument)->type;
        case VIDIOC_ENUM_FMT:
            return static_cast<const v4l2_fmtdesc*>(argument)->type;
        case VIDIOC_STREAMON:
        case VIDIOC_STREAMOFF:
            return static_cast<std::uint32_t>(*static_cast<const int*>(argument));
        default:
            return *static_cast<const std::uint32_t*>(argument);  // their first member
    }
}

std::string nameCall(unsigned long request, const void* argument) {
    const auto* const known = std::ranges::find(kRequests, request, &RequestName::request);
    if (known == std::end(kRequests))
        return "ioctl " + std::to_string(request);
    std::string name = std::string("ioctl VIDIOC_") + known->name;
    if (known->typed && argument)
        name += V4L2_TYPE_IS_OUTPUT(bufferType(request, argument)) ? " OUTPUT" : " CAPTURE";
    return name;
}

int failed(int error) {
    errno = error;
    return -1;
}

int millisecondsUntil(Clock::time_point end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

}  // namespace

struct EmulatedV4l2::State {
    struct Node {
        V4l2Personality personality;
        unsigned opened = 0;
    };

    std::mutex mutex;
    Coding coding;
    std::deque<Node> nodes;  // files refer to their personality
    emulated::Journal journal;
    std::map<int, std::shared_ptr<EncoderFile>> files;  // shared with the calls that are inside them
    std::map<int, const Node*> nodeOf;
    std::map<void*, std::size_t> mappings;
    std::vector<std::string> calls;
    std::map<std::size_t, int> faults;
    std::size_t opened = 0;
    std::size_t polls = 0;
    int deadForGood = 0;

    /// Counts a call; the errno if it is to fail.
    int enter(std::string name) {
        const std::size_t number = calls.size();
        calls.push_back(std::move(name));
        const auto fault = faults.extract(number);
        return fault ? fault.mapped() : 0;
    }

    std::shared_ptr<EncoderFile> find(int descriptor) const {
        const auto file = files.find(descriptor);
        return file == files.end() ? nullptr : file->second;
    }

    std::vector<std::shared_ptr<EncoderFile>> open() const {
        std::vector<std::shared_ptr<EncoderFile>> all;
        for (const auto& [descriptor, file] : files)
            all.push_back(file);
        return all;
    }
};

EmulatedV4l2::EmulatedV4l2(std::span<const V4l2Personality> nodes, Coding coding) : state_(std::make_unique<State>()) {
    state_->coding = coding;
    for (const V4l2Personality& personality : nodes)
        state_->nodes.push_back({.personality = personality});
}

EmulatedV4l2::~EmulatedV4l2() = default;

std::vector<std::string> EmulatedV4l2::nodes() {
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < state_->nodes.size(); ++i)
        paths.push_back("/dev/video" + std::to_string(i));
    return paths;
}

int EmulatedV4l2::open(const char* path) {
    const std::vector<std::string> paths = nodes();
    const std::lock_guard lock(state_->mutex);
    if (const int error = state_->enter("open"))
        return failed(error);
    const auto found = std::ranges::find(paths, path);
    if (found == paths.end())
        return failed(ENOENT);
    if (state_->deadForGood != 0)
        return failed(state_->deadForGood);
    State::Node& node = state_->nodes[static_cast<std::size_t>(found - paths.begin())];
    auto file = std::make_shared<EncoderFile>(node.personality, state_->coding, state_->journal, node.opened++);
    const int descriptor = file->descriptor();
    // a number that is here still was closed behind our back
    if (const auto lost = state_->find(descriptor))
        lost->loseDescriptor();
    state_->files.insert_or_assign(descriptor, std::move(file));
    state_->nodeOf[descriptor] = &node;
    ++state_->opened;
    return descriptor;
}

int EmulatedV4l2::close(int descriptor) {
    std::shared_ptr<EncoderFile> file;
    int error = 0;
    {
        const std::lock_guard lock(state_->mutex);
        error = state_->enter("close");
        file = state_->find(descriptor);
        if (!file)
            return failed(EBADF);
        state_->files.erase(descriptor);
        state_->nodeOf.erase(descriptor);
    }
    // as with close(2), the descriptor is gone whatever is said
    if (!file->closeDescriptor())
        return failed(EBADF);
    return error == 0 ? 0 : failed(error);
}

int EmulatedV4l2::ioctl(int descriptor, unsigned long request, void* argument) {
    std::shared_ptr<EncoderFile> file;
    {
        const std::lock_guard lock(state_->mutex);
        if (const int error = state_->enter(nameCall(request, argument)))
            return failed(error);
        file = state_->find(descriptor);
    }
    if (!file)
        return failed(EBADF);
    const int error = file->ioctl(request, argument);
    return error == 0 ? 0 : failed(error);
}

void* EmulatedV4l2::map(int descriptor, std::size_t lengthBytes, std::int64_t offset) {
    const std::lock_guard lock(state_->mutex);
    if (const int error = state_->enter("map")) {
        errno = error;
        return MAP_FAILED;
    }
    const std::shared_ptr<EncoderFile> file = state_->find(descriptor);
    if (!file) {
        errno = EBADF;
        return MAP_FAILED;
    }
    void* address = file->map(lengthBytes, offset);
    if (address != MAP_FAILED)
        state_->mappings[address] = lengthBytes;
    return address;
}

int EmulatedV4l2::unmap(void* address, std::size_t lengthBytes) {
    const std::lock_guard lock(state_->mutex);
    if (const int error = state_->enter("unmap"))
        return failed(error);
    const auto mapping = state_->mappings.find(address);
    if (mapping == state_->mappings.end() || mapping->second != lengthBytes)
        return failed(EINVAL);
    state_->mappings.erase(mapping);
    return ::munmap(address, lengthBytes);
}

std::int64_t EmulatedV4l2::length(int dmabuf) {
    const std::lock_guard lock(state_->mutex);
    if (const int error = state_->enter("length"))
        return failed(error);
    return ::lseek(dmabuf, 0, SEEK_END);
}

int EmulatedV4l2::poll(std::span<pollfd> descriptors, int timeoutMilliseconds) {
    std::vector<std::shared_ptr<EncoderFile>> files(descriptors.size());
    bool spurious = false;
    {
        const std::lock_guard lock(state_->mutex);
        if (const int error = state_->enter("poll"))
            return failed(error);
        for (std::size_t i = 0; i < descriptors.size(); ++i) {
            files[i] = state_->find(descriptors[i].fd);
            if (!files[i])
                continue;
            const int every = state_->nodeOf[descriptors[i].fd]->personality.spuriousPollEvery;
            spurious |= every > 0 && ++state_->polls % static_cast<std::size_t>(every) == 0;
        }
    }
    const auto end = Clock::now() + std::chrono::milliseconds(std::max(timeoutMilliseconds, 0));
    std::vector<pollfd> real;
    for (;;) {
        // those of others first, then what tells that a device's state may have changed
        real.clear();
        int count = 0;
        for (std::size_t i = 0; i < descriptors.size(); ++i) {
            pollfd& one = descriptors[i];
            one.revents = 0;
            if (files[i]) {
                one.revents = files[i]->ready(one.events);
                if (spurious && files[i]->dead() == 0)
                    one.revents = static_cast<short>(one.revents | (one.events & (POLLIN | POLLOUT)));
                count += one.revents != 0;
            }
            real.push_back({.fd = files[i] ? -1 : one.fd, .events = one.events, .revents = 0});
        }
        for (std::size_t i = 0; i < descriptors.size(); ++i)
            if (files[i])
                for (const int wait : files[i]->waitFor(descriptors[i].events))
                    real.push_back({.fd = wait, .events = POLLIN, .revents = 0});
        const int left = count > 0 ? 0 : timeoutMilliseconds < 0 ? -1 : millisecondsUntil(end);
        const int result = ::poll(real.data(), real.size(), left);
        if (result < 0)
            return -1;
        for (std::size_t i = 0; i < descriptors.size(); ++i) {
            if (files[i])
                continue;
            descriptors[i].revents = real[i].revents;
            count += real[i].revents != 0;
        }
        if (count > 0 || result == 0)
            return count;
    }
}

void EmulatedV4l2::failCall(std::size_t number, int error) {
    const std::lock_guard lock(state_->mutex);
    state_->faults[number] = error;
}

std::vector<std::string> EmulatedV4l2::calls() const {
    const std::lock_guard lock(state_->mutex);
    return state_->calls;
}

void EmulatedV4l2::stall() {
    const std::lock_guard lock(state_->mutex);
    for (const auto& file : state_->open())
        file->stall();
}

void EmulatedV4l2::swallow() {
    const std::lock_guard lock(state_->mutex);
    for (const auto& file : state_->open())
        file->swallow();
}

void EmulatedV4l2::die(int error, bool forGood) {
    const std::lock_guard lock(state_->mutex);
    if (forGood)
        state_->deadForGood = error;
    for (const auto& file : state_->open())
        file->die(error);
}

std::size_t EmulatedV4l2::openDescriptors() const {
    const std::lock_guard lock(state_->mutex);
    return state_->files.size();
}

std::size_t EmulatedV4l2::mappings() const {
    const std::lock_guard lock(state_->mutex);
    return state_->mappings.size();
}

std::size_t EmulatedV4l2::opened() const {
    const std::lock_guard lock(state_->mutex);
    return state_->opened;
}

std::vector<int> EmulatedV4l2::importedDmabufs() const {
    return state_->journal.importedDmabufs();
}

std::vector<EmulatedV4l2::ControlSet> EmulatedV4l2::controlsSet() const {
    return state_->journal.controlsSet();
}

std::vector<std::int64_t> EmulatedV4l2::timestamps() const {
    return state_->journal.timestamps();
}

}  // namespace smartcodec
