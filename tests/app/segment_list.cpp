#include "tests/app/segment_list.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace smartcodec::test {

std::vector<SegmentRecord> listedSegments(const std::string& folder) {
    std::vector<SegmentRecord> segments;
    std::ifstream index(folder + "/segments.jsonl", std::ios::binary);
    for (std::string line; std::getline(index, line);) {
        if (line.starts_with("{\"folder\":"))
            continue;
        std::optional<SegmentRecord> record = fromLine(line);
        if (!record)
            throw std::runtime_error("no index line: " + line);
        const auto known = std::ranges::find(segments, record->file, &SegmentRecord::file);
        const bool gone = record->state == SegmentRecord::State::Removed;
        if (known == segments.end() && !gone)
            segments.push_back(std::move(*record));
        else if (known != segments.end() && gone)
            segments.erase(known);
        else if (known != segments.end())
            *known = std::move(*record);
    }
    return segments;
}

std::vector<std::string> filesIn(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file() && entry.path().filename() != "segments.jsonl")
            files.push_back(entry.path().lexically_relative(folder).string());
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace smartcodec::test
