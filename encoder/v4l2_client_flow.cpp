// How a V4L2 encoder is waited for, drained, and opened again: the other half of v4l2_client.cpp.

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>
#include <vector>

#include "encoder/v4l2_client.h"

namespace smartcodec {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kEmptyPatience{100};  // after an empty piece or an event that may be the end
constexpr milliseconds kReopenPause{50};
// Many more than go by until a key frame mends what one failure has broken.
constexpr std::uint64_t kSpoiledInARow = 16;
constexpr int kTurnShare = 4;  // of the time for a stall, that a key frame waits for those before it

}  // namespace

std::string v4l2Remedy(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
            return "; join the group that owns the node (video, on most systems)";
        case ENOENT:
            return "; smartcodec devices lists the encoders that are here, and --encoder software records H.264 and "
                   "HEVC without one";
        case EBUSY:
            return "; end the program that uses it";
        case ENOMEM:
        case ENOSPC:
            return "; make more memory available to devices (the kernel's cma= parameter)";
        default:
            return "; the kernel's log (dmesg) may say why, and --encoder software records H.264 and HEVC without it";
    }
}

Status V4l2Client::drain() {
    if (failed_)
        return Status::failure("draining " + capabilities_.name + ": it has failed before");
    Status status = attempt([this] {
        const V4l2Result result = submitAll();
        return result.ok() ? drainStream() : result;
    });
    if (status.ok())
        noteLosses();
    return status;
}

void V4l2Client::noteLosses() {
    const auto some = [](std::uint64_t count, const char* what) {
        return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
    };
    const V4l2Packets::Counts& counts = packets_.counts();
    std::vector<std::string>& notes = capabilities_.notes;
    if (counts.swallowed > 0)
        notes.push_back("nothing came of " + some(counts.swallowed, "frame") + " that it took");
    if (counts.spoiled > 0)
        notes.push_back(some(counts.spoiled, "frame") + " could not be decoded as it coded them, and are left out");
    if (counts.strays > 0)
        notes.push_back(some(counts.strays, "piece") + " of its bit stream belonged to no frame, and are left out");
}

Status V4l2Client::wait(int wake) {
    if (failed_)
        return Status::failure("waiting for " + capabilities_.name + ": it has failed before");
    return attempt([this, wake] {
        V4l2Result result = submitAll();
        bool moved = false;
        if (result.ok())
            result = collect(moved);
        for (bool woke = false; result.ok() && !packets_.ready() && !woke;)
            result = awaitMove(false, wake, woke);
        return result;
    });
}

Status V4l2Client::attempt(const std::function<V4l2Result()>& step) {
    for (;;) {
        const V4l2Result result = step();
        if (result.ok())
            return {};
        if (Status status = recover(result); !status.ok())
            return status;
    }
}

void V4l2Client::pictureReturned(std::uint32_t bufferIndex) {
    const auto found = std::ranges::find_if(inside_, [&](const Inside& frame) { return frame.buffer == bufferIndex; });
    if (found != inside_.end())
        inside_.erase(found);
}

void V4l2Client::piece(const V4l2Piece& piece) {
    const std::uint64_t strays = packets_.counts().strays;
    packets_.piece(piece);
    if (piece.data.empty() || packets_.counts().strays > strays)
        return;
    lastPiece_ = Clock::now();
    restarted_ = false;
}

V4l2Result V4l2Client::collect(bool& moved) {
    const std::size_t pending = packets_.pending();
    const V4l2Result result = session().collect(*this, moved);
    const auto now = Clock::now();
    if (packets_.pending() < pending) {  // also where it says that a picture went wrong
        lastPiece_ = now;
        moved = true;
    }
    if (moved)
        lastMove_ = now;
    if (!packets_.heldBack()) {
        heldSince_.reset();
    } else if (!heldSince_) {
        heldSince_ = now;
    } else if (now - *heldSince_ >= limits_.missing) {
        packets_.giveUpMissing();
        heldSince_.reset();
        moved = true;
    }
    // Buffers of pictures that come back are no sign of life: an encoder may take picture after picture for nothing.
    if (result.ok() && owesPieces() && now >= lastPiece_ + limits_.stall)
        return {"waiting for the encoder, which takes frames and gives nothing back", ETIMEDOUT};
    // Nor are frames that come back one after the other, all of them failed.
    if (result.ok() && packets_.counts().spoiled >= spoiledBefore_ + kSpoiledInARow && now >= lastGood_ + limits_.stall)
        return {"encoding, of which nothing comes that can be decoded", EIO};
    return result;
}

/// How long the device may be silent from now on; negative: for ever.
milliseconds V4l2Client::patience(bool room) const {
    auto left = milliseconds::max();
    const auto until = [&](Clock::time_point deadline) {
        left = std::min(left, std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - Clock::now())));
    };
    if (room || session().picturesInside() > buffersKept_)
        until(lastMove_ + limits_.stall);
    if (owesPieces())
        until(lastPiece_ + limits_.stall);
    if (heldSince_)
        until(*heldSince_ + limits_.missing);
    return left == milliseconds::max() ? milliseconds(-1) : left;
}

/// Waits with the next key frame for those that are inside. An encoder that keeps more of them than it kept of grey
/// ones gets it nevertheless, and from then on without a wait.
V4l2Result V4l2Client::awaitTurn() {
    const auto until = lastMove_ + limits_.stall / kTurnShare;
    bool moved = false;
    const V4l2Result result = collect(moved);
    if (!result.ok() || moved)
        return result;
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (left.count() <= 0) {
        keptAtKeyFrames_ = session().picturesInside();
        return result;
    }
    V4l2Session::Woken woken;
    return session().wait({.device = !session().idle(), .limit = left}, woken);
}

/// Returns when something came out or went in, or `wake` is readable, or there is nothing to wait for (`woke` too).
V4l2Result V4l2Client::awaitMove(bool room, int wake, bool& woke) {
    for (;;) {
        bool moved = false;
        if (const V4l2Result result = collect(moved); !result.ok() || moved)
            return result;
        const bool mustMove = room || session().picturesInside() > buffersKept_;
        if (mustMove && Clock::now() >= lastMove_ + limits_.stall)
            return {"waiting for the encoder, which has frames and is silent", ETIMEDOUT};
        const bool device = !session().idle() && (session().picturesInside() > 0 || packets_.pending() > 0);
        if (!device && wake < 0) {
            woke = true;
            return {};
        }
        V4l2Session::Woken woken;
        const V4l2Result result = session().wait({.device = device, .wake = wake, .limit = patience(room)}, woken);
        woke = woken.wake;
        if (!result.ok() || woke)
            return result;
    }
}

V4l2Result V4l2Client::drainStream() {
    if (fresh_)
        return {};
    if (const V4l2Result result = session().beginDrain(); !result.ok())
        return result;
    lastMove_ = Clock::now();
    while (!session().ended()) {
        bool moved = false;
        if (const V4l2Result result = collect(moved); !result.ok())
            return result;
        if (moved || session().ended())
            continue;
        const std::size_t inside = session().picturesInside();
        const bool all = inside == 0 && packets_.pending() == 0;
        if (all && (!session().tellsEnd() || session().maybeEnded() || session().idle() || endUntold_))
            break;
        const bool told = session().toldEnd();  // the last pieces may be behind the event
        const bool empty = told || (session().maybeEnded() && !session().saidLast());
        const milliseconds limit = empty ? std::min(kEmptyPatience, limits_.drain) : limits_.drain;
        const auto left = std::chrono::ceil<milliseconds>(lastMove_ + limit - Clock::now());
        if (left.count() <= 0) {
            if (!told && (inside > 0 || owesPieces()))
                return {"draining the encoder, which still has frames and is silent", ETIMEDOUT};
            endUntold_ = endUntold_ || all;
            break;
        }
        V4l2Session::Woken woken;
        const V4l2Session::Interest interest{.device = !session().idle(), .limit = left};
        if (const V4l2Result result = session().wait(interest, woken); !result.ok())
            return result;
    }
    packets_.flush();
    return {};
}

V4l2Result V4l2Client::restartStream() {
    if (const V4l2Result result = drainStream(); !result.ok())
        return result;
    if (!restarts_)
        return reopenStream();
    if (const V4l2Result result = session().stop(); !result.ok())
        return result;
    std::erase_if(inside_, [](const Inside& frame) { return frame.buffer.has_value(); });
    packets_.beginStream();
    fresh_ = true;
    askedKeyFrame_.reset();
    restarted_ = true;
    return session().run();
}

V4l2Result V4l2Client::reopenStream() {
    const Status status = reopen("setting " + capabilities_.name + " up anew");
    if (status.ok())
        return {};
    fatal_ = status.message();
    return {"opening it", EIO};
}

void V4l2Client::copyFromNowOn(const std::string& reason) {
    settings_.dmabufLayout.reset();
    capabilities_.importsDmabufs = false;
    capabilities_.notes.push_back("frames are copied once on their way in: " + reason);
}

Status V4l2Client::recover(const V4l2Result& why) {
    if (!fatal_.empty())
        return fail(fatal_);
    const std::string text = capabilities_.name + ": " + why.text();
    if (std::exchange(importRefused_, false)) {
        copyFromNowOn(why.text());
        return reopen(text);
    }
    if (std::exchange(restarted_, false) && why.error == ETIMEDOUT && std::exchange(restarts_, false)) {
        capabilities_.notes.push_back("it does nothing after a restart: it is opened again instead from now on");
        return reopen(text);
    }
    const auto now = Clock::now();
    if (lastFailure_ && now - *lastFailure_ < limits_.recovering)
        return fail(text + ", less than " +
                    std::to_string(std::chrono::ceil<std::chrono::seconds>(limits_.recovering).count()) +
                    " s after it was opened again for such a failure" + v4l2Remedy(why.error));
    lastFailure_ = now;
    Status status = reopen(text);
    if (status.ok())
        capabilities_.notes.push_back("it was opened again after " + why.text());
    return status;
}

/// Closes the device and opens it again, patiently: it may need a moment to come back. Frames that are still here will
/// be submitted again.
Status V4l2Client::reopen(const std::string& why) {
    bool moved = false;
    if (stream_)  // what came out already is good; what the device says to this matters no more
        static_cast<void>(session().collect(*this, moved));
    stream_.reset();
    packets_.beginStream();
    for (Inside& frame : inside_)
        frame.buffer.reset();
    const auto deadline = Clock::now() + limits_.reopening;
    for (;;) {
        std::string answer;
        try {
            open();
            return {};
        } catch (const std::exception& error) {
            answer = error.what();
        }
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        if (left.count() <= 0)
            return fail(why + "; opening it again failed: " + answer + v4l2Remedy(0));
        static_cast<void>(system_.poll({}, static_cast<int>(std::min(left, kReopenPause).count())));
    }
}

Status V4l2Client::fail(const std::string& message) {
    if (std::exchange(failed_, true))
        return Status::failure(message);
    packets_.flush();  // what came out stays good
    noteLosses();
    stream_.reset();
    inside_.clear();
    return Status::failure(message);
}

}  // namespace smartcodec
