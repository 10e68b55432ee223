#include "tests/device/volatile_disk.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace smartcodec::test {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool receive(int socket, void* data, std::size_t size) {
    return ::recv(socket, data, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

bool sendAll(int socket, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t sent = ::send(socket, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

}  // namespace

VolatileDisk::VolatileDisk(std::uint64_t bytes, unsigned seed)
    : path_("/dev/nbd0"), device_(::open(path_.c_str(), O_RDWR | O_CLOEXEC)), stored_(bytes), random_(seed) {
    if (!device_)
        fail("opening " + path_);
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        fail("a socket for " + path_);
    socket_ = UniqueFd(ends[0]);
    const UniqueFd other(ends[1]);
    const int device = device_.get();
    const unsigned long flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA;
    if (::ioctl(device, NBD_SET_BLKSIZE, kBlockBytes) != 0 ||
        ::ioctl(device, NBD_SET_SIZE_BLOCKS, bytes / kBlockBytes) != 0 || ::ioctl(device, NBD_SET_FLAGS, flags) != 0 ||
        ::ioctl(device, NBD_SET_SOCK, other.get()) != 0)
        fail("setting up " + path_);
    server_ = std::jthread([this] { serve(); });
    kernel_ = std::jthread([device] { (void)::ioctl(device, NBD_DO_IT); });
    std::uint64_t size = 0;
    for (int i = 0; i < 1000 && size != bytes; ++i) {
        std::this_thread::sleep_for(10ms);
        (void)::ioctl(device, BLKGETSIZE64, &size);
    }
    if (size != bytes)
        throw std::runtime_error(path_ + " does not come up");
}

VolatileDisk::~VolatileDisk() {
    (void)::ioctl(device_.get(), NBD_DISCONNECT);
    (void)::shutdown(socket_.get(), SHUT_RDWR);
}

void VolatileDisk::cutPower() {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, block] : cache_) {
        if (random_() % 2 == 0)
            store(number, block);
    }
    powered_ = false;
}

void VolatileDisk::restorePower() {
    if (::ioctl(device_.get(), BLKFLSBUF) != 0)  // what the kernel knows of it
        fail("restoring the power of " + path_);
    const std::lock_guard lock(mutex_);
    cache_.clear();
    powered_ = true;
}

void VolatileDisk::serve() {
    while (answer()) {
    }
}

/// False: there are no more.
bool VolatileDisk::answer() {
    nbd_request request{};
    if (!receive(socket_.get(), &request, sizeof request) || ntohl(request.magic) != NBD_REQUEST_MAGIC)
        return false;
    const std::uint32_t type = ntohl(request.type);
    const std::uint64_t from = be64toh(request.from);
    std::vector<std::byte> data;
    nbd_reply reply{};
    reply.magic = htonl(NBD_REPLY_MAGIC);
    std::memcpy(reply.handle, request.handle, sizeof reply.handle);
    const std::uint32_t command = type & 0xffff;
    if (command == NBD_CMD_READ || command == NBD_CMD_WRITE)
        data.resize(ntohl(request.len));
    if (command == NBD_CMD_DISC || (command == NBD_CMD_WRITE && !receive(socket_.get(), data.data(), data.size())))
        return false;
    {
        const std::lock_guard lock(mutex_);
        if (command == NBD_CMD_READ)
            read(from, data);
        else if (command == NBD_CMD_WRITE)
            write(from, data, (type & NBD_CMD_FLAG_FUA) != 0);
        else if (command == NBD_CMD_FLUSH)
            flush();
        else
            reply.error = htonl(EINVAL);
    }
    return sendAll(socket_.get(), &reply, sizeof reply) &&
           (command != NBD_CMD_READ || sendAll(socket_.get(), data.data(), data.size()));
}

void VolatileDisk::read(std::uint64_t from, std::vector<std::byte>& data) {
    for (std::size_t at = 0; at < data.size(); at += kBlockBytes) {
        const auto cached = cache_.find((from + at) / kBlockBytes);
        const std::byte* source = cached != cache_.end() ? cached->second.data() : stored_.data() + from + at;
        std::memcpy(data.data() + at, source, kBlockBytes);
    }
}

void VolatileDisk::write(std::uint64_t from, const std::vector<std::byte>& data, bool through) {
    for (std::size_t at = 0; at < data.size(); at += kBlockBytes) {
        const std::uint64_t number = (from + at) / kBlockBytes;
        Block& block = cache_[number];
        std::memcpy(block.data(), data.data() + at, kBlockBytes);
        if (through && powered_) {
            store(number, block);
            cache_.erase(number);
        }
    }
}

void VolatileDisk::store(std::uint64_t number, const Block& block) {
    std::memcpy(stored_.data() + number * kBlockBytes, block.data(), kBlockBytes);
}

void VolatileDisk::flush() {
    if (!powered_)
        return;
    for (const auto& [number, block] : cache_)
        store(number, block);
    cache_.clear();
}

}  // namespace smartcodec::test
