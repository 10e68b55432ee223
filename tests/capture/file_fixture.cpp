#include "tests/capture/file_fixture.h"

#include <doctest/doctest.h>

#include <cmath>

namespace smartcodec::test {

SeenFile seen(VideoRecipe recipe, const std::string& file, FileSourceConfig config) {
    const TemporaryFolder folder;
    recipe.path = folder / file;
    makeVideo(recipe);
    config.path = recipe.path;
    return readFile(config);
}

void checkGreys(const SeenFile& file, double tolerance) {
    for (std::size_t i = 0; i < file.sink.frames.size(); ++i) {
        CAPTURE(i);
        CHECK(std::abs(file.sink.frames[i].luma - greyOf(static_cast<int>(i))) <= tolerance);
        CHECK(std::abs(file.sink.frames[i].cb - 128) <= tolerance);
        CHECK(std::abs(file.sink.frames[i].cr - 128) <= tolerance);
        CHECK(file.sink.frames[i].sequence == i);
    }
}

}  // namespace smartcodec::test
