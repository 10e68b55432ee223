#include "app/segment_index.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "mux/recording_probe.h"

namespace smartcodec {

namespace {

using State = SegmentRecord::State;
using std::chrono::nanoseconds;

constexpr const char* kNewFileName = ".segments.jsonl.new";
/// So many lines of what is gone are not worth a new file, if the others are few.
constexpr std::size_t kIdleLines = 1000;

std::error_code lastError() {
    return {errno, std::generic_category()};
}

std::string bootId() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;  // without one nothing of an earlier start is told from this one's: ages are the wall clock's then
}

std::string readAll(int file) {
    std::string text;
    std::string piece(1 << 16, '\0');
    for (off_t at = 0;;) {
        const ssize_t got = ::pread(file, piece.data(), piece.size(), at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)  // half of it would be taken for all
            throw std::system_error(lastError(), "cannot read the index of segments");
        if (got == 0)
            return text;
        text.append(piece.data(), static_cast<std::size_t>(got));
        at += got;
    }
}

std::error_code writeAll(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return lastError();
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

std::string folderLine(const std::string& name) {
    return nlohmann::ordered_json{{"folder", name}}.dump() + "\n";
}

std::optional<std::string> folderOf(const std::string& line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || json.size() != 1 || !json.contains("folder") || !json["folder"].is_string())
        return std::nullopt;
    return json["folder"].get<std::string>();
}

std::string parentOf(const std::string& name) {
    const std::size_t slash = name.find_last_of('/');
    return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

}  // namespace

SegmentIndex::SegmentIndex(SegmentFolder& folder, WallTimes times)
    : folder_(folder),
      times_(std::move(times)),
      boot_(bootId()),
      startedWall_(times_.now()),
      startedBoot_(times_.bootNow()) {
    open();
    load(readAll(file_.get()));
    reconcile();
    if (lines_ > present_.size() + folders_.size() + (last_ ? 1 : 0)) {
        if (const std::error_code error = rewrite())
            spdlog::info("{}: lines of what is gone stay in it: {}", folder_.pathOf(kFileName), error.message());
    }
}

void SegmentIndex::open() {
    file_ = folder_.openHere(kFileName, O_RDWR | O_CREAT | O_APPEND);
    if (!file_)
        throw std::system_error(lastError(), "cannot write the index '" + folder_.pathOf(kFileName) +
                                                 "'; it must be a file that you may write to");
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw std::runtime_error("cannot write the index '" + folder_.pathOf(kFileName) + "': it is no file");
    fileBytes_ = static_cast<std::uint64_t>(status.st_size);
}

/// A recorder that was killed, or a power cut, may leave a last line that is not whole.
void SegmentIndex::load(const std::string& text) {
    std::size_t understood = 0;
    std::size_t at = 0;
    for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        const std::string line = text.substr(at, end - at);
        ++lines_;
        if (auto record = fromLine(line)) {
            ++understood;
            take(std::move(*record));
        } else if (auto folder = folderOf(line)) {
            ++understood;
            folders_.insert(std::move(*folder));
        }
    }
    if (lines_ > 0 && understood == 0)
        throw std::runtime_error("'" + folder_.pathOf(kFileName) +
                                 "' is not an index of segments; record into another folder, or move it away");
    if (understood < lines_)
        spdlog::warn("{}: {} lines are not understood and left out", folder_.pathOf(kFileName), lines_ - understood);
    if (at < text.size()) {
        ++lines_;  // to be left out
        if (::ftruncate(file_.get(), static_cast<off_t>(at)) != 0)
            throw std::system_error(lastError(), "cannot write the index '" + folder_.pathOf(kFileName) + "'");
        fileBytes_ = at;
    }
}

void SegmentIndex::take(SegmentRecord record) {
    const auto known = find(record.file);
    if (record.end && record.bootEnd)
        wallOfBoot_[record.boot] = record.end->time_since_epoch() - record.bootEnd->time_since_epoch();
    if (!last_ || record.number >= last_->number)
        last_ = record;
    if (record.state == State::Removed) {
        if (known != present_.end())
            present_.erase(known);
    } else if (known != present_.end()) {
        *known = std::move(record);
    } else {
        present_.push_back(std::move(record));
    }
}

void SegmentIndex::reconcile() {
    std::vector<std::string> gone;
    for (SegmentRecord& record : present_) {
        const std::optional<std::uint64_t> bytes = folder_.sizeOf(record.file);
        if (!bytes) {
            gone.push_back(record.file);
        } else if (record.state == State::Recording || record.bytes != *bytes) {
            record.bytes = *bytes;
            if (!adopt(record))
                gone.push_back(record.file);
        }
    }
    for (const std::string& file : gone)
        forgetNow(file);
}

/// False: there was nothing in it, and it has gone.
bool SegmentIndex::adopt(SegmentRecord& record) {
    const bool unfinished = record.state == State::Recording;
    if (unfinished && record.bytes == 0 && !folder_.removeFile(record.file))
        return false;
    const auto held = probeRecording(folder_.pathOf(record.file));
    if (unfinished || !held)
        record.state = State::CutOff;
    record.frames = held ? held->pictures : 0;
    if (held && held->duration) {
        record.end = record.start + std::chrono::duration_cast<WallTime::duration>(*held->duration);
        if (record.sensorStart)
            record.sensorEnd = *record.sensorStart + *held->duration;
        if (unfinished)
            record.bootEnd.reset();
    }
    if (unfinished)
        spdlog::info("{} was cut off: {} pictures of it are there", folder_.pathOf(record.file), *record.frames);
    if (const std::error_code error = put(toLine(record)))
        spdlog::warn("cannot write to '{}': {}", folder_.pathOf(kFileName), error.message());
    return true;
}

std::uint64_t SegmentIndex::nextNumber() const {
    const std::lock_guard lock(mutex_);
    return last_ ? last_->number + 1 : 1;
}

std::uint64_t SegmentIndex::nextEvent() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t last = last_ ? last_->event.value_or(0) : 0;
    for (const SegmentRecord& record : present_)
        last = std::max(last, record.event.value_or(0));
    return last + 1;
}

void SegmentIndex::begin(SegmentRecord record) {
    const std::lock_guard lock(mutex_);
    std::error_code error = behind_ ? rewrite() : std::error_code();
    if (!error)
        error = append(toLine(record));
    if (error)
        throw std::system_error(error, "cannot write to the index '" + folder_.pathOf(kFileName) + "'");
    take(std::move(record));
}

std::error_code SegmentIndex::update(SegmentRecord record) {
    const std::lock_guard lock(mutex_);
    if (find(record.file) == present_.end())
        return {};  // it went meanwhile
    const std::string line = toLine(record);
    take(std::move(record));
    return put(line);
}

std::error_code SegmentIndex::settle() {
    const std::lock_guard lock(mutex_);
    return behind_ ? rewrite() : std::error_code();
}

void SegmentIndex::distrust() {
    const std::lock_guard lock(mutex_);
    behind_ = true;
}

/// What is known and was not yet on the disk when it went is known still.
bool SegmentIndex::comeBack() {
    const std::lock_guard lock(mutex_);
    behind_ = true;
    stuck_.clear();  // it may have been the disk's fault
    moved_ = folder_.reopen() || moved_;
    if (!moved_)
        return false;
    const std::deque<SegmentRecord> known = std::exchange(present_, {});
    try {
        open();
        lines_ = 0;
        load(readAll(file_.get()));
    } catch (...) {
        present_ = known;
        throw;
    }
    moved_ = false;
    for (const SegmentRecord& record : known) {
        if (find(record.file) == present_.end())
            take(record);
    }
    std::ranges::stable_sort(present_, {}, &SegmentRecord::number);
    reconcile();
    return true;
}

UniqueFd SegmentIndex::duplicate() const {
    const std::lock_guard lock(mutex_);
    return UniqueFd(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
}

void SegmentIndex::forget(const std::string& file) {
    const std::lock_guard lock(mutex_);
    forgetNow(file);
}

void SegmentIndex::forgetNow(const std::string& file) {
    const auto known = find(file);
    if (known == present_.end())
        return;
    SegmentRecord record = std::move(*known);
    present_.erase(known);
    stuck_.erase(file);
    record.state = State::Removed;
    // Without this line the next recorder looks for the file, and forgets it.
    (void)put(toLine(record));
    forgetFoldersOf(file);
}

void SegmentIndex::forgetFoldersOf(const std::string& file) {
    for (std::string name = parentOf(file); folders_.contains(name); name = parentOf(name)) {
        folder_.removeFolder(name);
        if (folder_.isTaken(name))
            return;
        folders_.erase(name);
    }
}

void SegmentIndex::noteFolder(const std::string& name) {
    const std::lock_guard lock(mutex_);
    folders_.insert(name);
    (void)put(folderLine(name));  // or it stays when it is empty
}

std::size_t SegmentIndex::retain(const RetentionLimits& limits) {
    std::size_t removed = 0;
    for (bool again = limits.any(); again;) {
        again = false;
        std::unique_lock lock(mutex_);
        std::size_t count = countToRemove(retentionState(), limits);
        lock.unlock();
        for (; count > 0 && !again; --count) {
            const Removal result = removeFirst();
            removed += result == Removal::Removed ? 1 : 0;
            again = result == Removal::Stuck;  // or a younger one would go in its place
        }
    }
    const std::lock_guard lock(mutex_);
    if (lines_ > 2 * present_.size() + kIdleLines)
        (void)rewrite();  // not now, then another time
    return removed;
}

bool SegmentIndex::removeOldest() {
    for (;;) {
        const Removal result = removeFirst();
        if (result == Removal::Removed || result == Removal::None)
            return result == Removal::Removed;
    }
}

/// The file is removed outside the lock: that may take its time, and others are recording.
SegmentIndex::Removal SegmentIndex::removeFirst() {
    std::string file;
    {
        const std::lock_guard lock(mutex_);
        const auto oldest = std::ranges::find_if(present_, [this](const auto& one) { return isRemovable(one); });
        if (oldest == present_.end())
            return Removal::None;
        file = oldest->file;
    }
    const std::error_code error = folder_.removeFile(file);
    if (!error || error == std::errc::no_such_file_or_directory) {
        forget(file);
        return error ? Removal::Gone : Removal::Removed;
    }
    spdlog::warn("cannot remove the old segment '{}': {}; it stays", folder_.pathOf(file), error.message());
    const std::lock_guard lock(mutex_);
    stuck_.insert(file);
    return Removal::Stuck;
}

std::vector<SegmentRecord> SegmentIndex::segments() const {
    const std::lock_guard lock(mutex_);
    return {present_.begin(), present_.end()};
}

bool SegmentIndex::isRemovable(const SegmentRecord& record) const {
    return record.state != State::Recording && !stuck_.contains(record.file);
}

RetentionState SegmentIndex::retentionState() const {
    RetentionState state;
    state.freeBytes = folder_.freeBytes();
    for (const SegmentRecord& record : present_) {
        if (isRemovable(record))
            state.segments.push_back({.bytes = record.bytes, .age = age(record)});
        else
            state.openBytes += folder_.sizeOf(record.file).value_or(0);
    }
    return state;
}

/// As far as it goes by the clock that does not jump, from the end of the segment. Of another start of the system, by
/// what the wall clock said when this recorder started, of which time passes as that clock says; and what it said at
/// the segment's end is corrected by what it said last in that start: where a clock is set only some time after the
/// start, it may have been decades behind.
std::optional<nanoseconds> SegmentIndex::age(const SegmentRecord& record) const {
    const CaptureTime now = times_.bootNow();
    if (record.bootEnd && record.boot == boot_ && !boot_.empty())
        return std::max(nanoseconds(0), now - *record.bootEnd);
    nanoseconds end = record.end.value_or(record.start).time_since_epoch();
    const auto offset = wallOfBoot_.find(record.boot);
    if (record.bootEnd && offset != wallOfBoot_.end())
        end = std::max(end, record.bootEnd->time_since_epoch() + offset->second);
    return std::max(nanoseconds(0), startedWall_.time_since_epoch() - end) + (now - startedBoot_);
}

/// Says of what is known already. Where one line cannot be added, all of them may fit elsewhere.
std::error_code SegmentIndex::put(const std::string& line) {
    return behind_ || append(line) ? rewrite() : std::error_code();
}

std::error_code SegmentIndex::append(const std::string& line) {
    if (const std::error_code error = writeAll(file_.get(), line)) {
        (void)::ftruncate(file_.get(), static_cast<off_t>(fileBytes_));  // a part of a line would spoil the next one
        behind_ = true;
        return error;
    }
    fileBytes_ += line.size();
    ++lines_;
    return {};
}

/// What is there, in a new file that takes the place of the old one. The last segment's line stays, be it gone: numbers
/// go on from there.
std::error_code SegmentIndex::rewrite() {
    if (moved_)  // what is there has not been read, and may be anybody's
        return std::make_error_code(std::errc::no_such_device);
    UniqueFd file = folder_.openHere(kNewFileName, O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
    if (!file)
        return lastError();
    std::string text;
    std::size_t lines = folders_.size() + present_.size();
    for (const std::string& name : folders_)
        text += folderLine(name);
    if (last_ && find(last_->file) == present_.end()) {
        SegmentRecord gone = *last_;
        gone.state = State::Removed;
        text += toLine(gone);
        ++lines;
    }
    for (const SegmentRecord& record : present_)
        text += toLine(record);
    std::error_code error = writeAll(file.get(), text);
    if (!error && ::fdatasync(file.get()) != 0)
        error = lastError();
    if (!error)
        error = folder_.replace(kNewFileName, kFileName);
    if (error) {
        (void)folder_.removeFile(kNewFileName);  // it may take the room that is lacking
        return error;
    }
    file_ = std::move(file);
    fileBytes_ = text.size();
    lines_ = lines;
    error = folder_.sync();
    behind_ = static_cast<bool>(error);
    return error;
}

std::deque<SegmentRecord>::iterator SegmentIndex::find(const std::string& file) {
    const auto found = std::find_if(present_.rbegin(), present_.rend(),
                                    [&file](const SegmentRecord& record) { return record.file == file; });
    return found == present_.rend() ? present_.end() : std::prev(found.base());
}

}  // namespace smartcodec
