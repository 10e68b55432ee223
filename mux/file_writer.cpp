#include "mux/file_writer.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "mux/mp4_writer.h"
#include "mux/raw_writer.h"

namespace smartcodec {

std::optional<Codec> rawStreamCodec(const std::string& path) {
    std::string extension = std::filesystem::path(path).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (extension == ".h264" || extension == ".264")
        return Codec::H264;
    if (extension == ".hevc" || extension == ".h265" || extension == ".265")
        return Codec::Hevc;
    if (extension == ".fwht")
        return Codec::Fwht;
    return std::nullopt;
}

std::unique_ptr<FileWriter> createFile(const FileConfig& config) {
    const std::optional<Codec> raw = rawStreamCodec(config.path);
    if (!raw)
        return std::make_unique<Mp4Writer>(config);
    if (*raw != config.codec)
        throw std::runtime_error("cannot record " + std::string(name(config.codec)) + " to '" + config.path +
                                 "': by its name it is a raw stream of " + name(*raw) + "; give it another extension");
    return std::make_unique<RawWriter>(config);
}

}  // namespace smartcodec
