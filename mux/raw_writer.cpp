#include "mux/raw_writer.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "encoder/annex_b.h"
#include "mux/output_file.h"

namespace smartcodec {
namespace {

std::vector<std::string> linesOn(const FileConfig& config) {
    const std::string file = "'" + config.path + "'";
    const bool orMp4 = config.codec != Codec::Fwht;  // which MP4 cannot hold
    std::vector<std::string> lines;
    if (config.dropsFrames)
        lines.push_back(file + " is a raw stream, which has no times: dropped frames make it play faster" +
                        (orMp4 ? "; record to .mp4 to keep the times" : ""));
    if (config.rotation != 0)
        lines.push_back(file + " is a raw stream, which cannot say that it is to be turned by " +
                        std::to_string(config.rotation) + " degrees" + (orMp4 ? "; record to .mp4 to keep that" : ""));
    for (const CopiedTrack& track : config.copiedTracks)
        lines.push_back(std::string("a raw stream holds no sound: a track of type ") +
                        avcodec_get_name(track.parameters->codec_id) + " is left out of " + file);
    return lines;
}

}  // namespace

RawWriter::RawWriter(const FileConfig& config) : codec_(config.codec), path_(config.path), leftOut_(linesOn(config)) {
    auto file = createOutputFile(config.path, config.overwrite, config.makeRoom);
    try {
        start(config, std::move(file));
    } catch (...) {
        std::error_code ignored;  // the error that is on its way says more
        if (std::filesystem::is_regular_file(path_, ignored))
            std::filesystem::remove(path_, ignored);
        throw;
    }
}

RawWriter::RawWriter(const FileConfig& config, std::unique_ptr<OutputFile> file)
    : codec_(config.codec), path_(file->path()), leftOut_(linesOn(config)) {
    start(config, std::move(file));
}

RawWriter::~RawWriter() {
    if (file_)
        (void)close();  // nobody is left to be told
}

void RawWriter::start(const FileConfig& config, std::unique_ptr<OutputFile> file) {
    (void)goOnWith(config.parameterSets);
    if (codec_ != Codec::Fwht && parameterSets_.empty())
        throw std::runtime_error("cannot record to '" + path_ + "': the encoder gave no parameter sets");
    if (const std::error_code error = file->reserve(parameterSets_.size() + 1))  // a picture has one byte at least
        throw std::system_error(error, "cannot begin '" + path_ + "'; make room or record to another disk");
    file_ = std::move(file);
}

bool RawWriter::goOnWith(std::span<const std::byte> parameterSets) {
    // Only the sets: what an encoder tells of itself beside them need not be told before every key frame.
    extractParameterSets(codec_, parameterSets, parameterSets_);
    return true;
}

Status RawWriter::write(Packet packet) {
    if (!status_.ok() || packet.stream != 0)
        return status_;
    std::span<const std::byte> data = packet.data;
    const bool mustHaveSets = !parameterSets_.empty() && (packet.keyFrame || packets_ == 0);
    if (mustHaveSets && !inspectAnnexB(codec_, data).parameterSets)
        data = withParameterSets(data);
    if (const std::error_code error = file_->reserve(sizeBytes_ + data.size()))
        return fail(
            "cannot write more to '" + path_ + "': " + error.message() + "; make room or record to another disk",
            error);
    if (const std::error_code error = file_->writeAt(sizeBytes_, data))
        return fail("cannot write to '" + path_ + "': " + error.message() + "; check the disk or record to another one",
                    error);
    sizeBytes_ += data.size();
    ++packets_;
    return {};
}

UniqueFd RawWriter::toSync() const {
    return file_ ? file_->duplicate() : UniqueFd();
}

/// In one piece, so that the file never ends between the two.
std::span<const std::byte> RawWriter::withParameterSets(std::span<const std::byte> packet) {
    const std::size_t delimiter = delimiterBytes(codec_, packet);
    joined_.assign(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(delimiter));
    joined_.insert(joined_.end(), parameterSets_.begin(), parameterSets_.end());
    joined_.insert(joined_.end(), packet.begin() + static_cast<std::ptrdiff_t>(delimiter), packet.end());
    return joined_;
}

Status RawWriter::close() {
    std::error_code closed = sizeBytes_ > 0 ? file_->sync() : std::error_code();
    if (const std::error_code error = file_->close(); !closed)
        closed = error;
    file_.reset();
    whole_ = !closed;
    if (closed && status_.ok())
        return fail("cannot finish '" + path_ + "': " + closed.message(), closed);
    return status_;
}

Status RawWriter::fail(const std::string& message, const std::error_code& error) {
    status_ = Status::failure(message, error);
    return status_;
}

}  // namespace smartcodec
