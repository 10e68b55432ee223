#include "app/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <iterator>
#include <system_error>

namespace smartcodec {

namespace {

/// The set of these signals, blocked, as a descriptor.
UniqueFd block(std::initializer_list<int> numbers) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : numbers)
        sigaddset(&signals, number);
    if (const int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr))
        throw std::system_error(error, std::generic_category(), "blocking signals");
    UniqueFd descriptor(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!descriptor)
        throw std::system_error(errno, std::generic_category(), "opening a descriptor for signals");
    return descriptor;
}

/// The number of a signal that waits there, 0 if there is none.
int takeFrom(const UniqueFd& descriptor) {
    signalfd_siginfo info{};
    const ssize_t size = read(descriptor.get(), &info, sizeof info);
    return size == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace

StopSignals::StopSignals() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    descriptor_ = block({SIGINT, SIGTERM});
    user_ = block({SIGUSR1});
}

int StopSignals::take() {
    return takeFrom(descriptor_);
}

bool StopSignals::takeUser() {
    return takeFrom(user_) != 0;
}

EndAtOnce::EndAtOnce(StopSignals& signals) : over_(eventfd(0, EFD_CLOEXEC)) {
    if (!over_)
        throw std::system_error(errno, std::generic_category(), "opening a descriptor for the end of the set-up");
    listener_ = std::jthread([&signals, over = over_.get()] {
        for (;;) {
            pollfd descriptors[] = {{.fd = over, .events = POLLIN, .revents = 0},
                                    {.fd = signals.descriptor(), .events = POLLIN, .revents = 0}};
            (void)poll(descriptors, std::size(descriptors), -1);  // fails only when interrupted
            if (descriptors[0].revents != 0)
                return;
            if (const int signal = signals.take())
                dieOf(signal);
        }
    });
}

EndAtOnce::~EndAtOnce() {
    (void)eventfd_write(over_.get(), 1);  // one event always fits; the thread is waited for next
}

void dieOf(int signal) {
    std::signal(signal, SIG_DFL);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, signal);
    (void)raise(signal);  // blocked: it waits for the next line
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    _exit(128 + signal);
}

}  // namespace smartcodec
