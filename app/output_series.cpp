#include "app/output_series.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace smartcodec {

namespace {

/// False too where that cannot be found out: creating the file will say why.
bool exists(const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

bool isReplaceable(const std::string& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error);
}

std::string folderOf(const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    return folder.empty() ? "." : folder.string();
}

}  // namespace

OutputSeries::OutputSeries(Config config) : config_(std::move(config)), disk_(folderOf(config_.file.path)) {}

OpenOutput OutputSeries::open(const Next& next) {
    if (next.afterTrouble)
        disk_.check();
    int number = next.insteadOfLast ? last_ : last_ + 1;
    // Of the first one `createFile` says what is wrong; what a sick disk would not remove stays.
    while ((number > 1 || next.insteadOfLast) && isTaken(path(number)))
        ++number;
    FileConfig file = config_.file;
    file.path = path(number);
    file.parameterSets = next.parameterSets;
    OpenOutput output{.path = file.path, .writer = createFile(file)};
    last_ = number;
    return output;
}

std::string OutputSeries::path(int number) const {
    if (number == 1)
        return config_.file.path;
    const std::filesystem::path first(config_.file.path);
    const std::string name = first.stem().string() + "-" + std::to_string(number) + first.extension().string();
    return (first.parent_path() / name).string();
}

bool OutputSeries::isTaken(const std::string& path) const {
    if (!exists(path))
        return false;
    const auto isThis = [&path](const std::string& spared) { return isSameFile(spared, path); };
    return !config_.file.overwrite || !isReplaceable(path) ||
           std::any_of(config_.spared.begin(), config_.spared.end(), isThis);
}

bool isSameFile(const std::string& a, const std::string& b) {
    std::error_code error;  // one of them not existing is the usual case, and no error here
    if (std::filesystem::equivalent(a, b, error))
        return true;
    const auto pathA = std::filesystem::weakly_canonical(a, error);
    const auto pathB = std::filesystem::weakly_canonical(b, error);
    return !error && pathA == pathB;
}

}  // namespace smartcodec
