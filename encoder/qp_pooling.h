#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/qp_map.h"
#include "encoder/qp_regions.h"

namespace smartcodec {

/// Why the map is not one of a picture of that size; empty: it is, or asks for nothing.
[[nodiscard]] std::string whyUnfit(const QpMap* map, Size picture);

/// The map for an encoder whose blocks are `factor` x `factor` of the map's (2: 32x32 pixels, 4: 64x64): each block
/// gets the finest quality asked for in it, its deltas limited to `low`..`high`. Rows of ceil(columns / factor), edges
/// rounded up. `pooled` is written over, in the same memory. `factor` 1 only limits.
void poolQpMap(const QpMap& map, int factor, int low, int high, QpMap& pooled);

/// At most `count` rectangles that stand for the map: greedy maximal rectangles of one delta, which do not overlap.
/// Those are kept that matter most (|delta| x area), in the order of finest first, so that an encoder for which the
/// first rectangle wins where two overlap, or which rounds them outward, errs towards quality. Their edges are at
/// multiples of `block` pixels (a multiple of 16; the map is pooled to it) or the picture's own. In the same memory,
/// picture after picture; a map of a 4K picture takes a fraction of a millisecond. Thread-bound.
class QpRectangles {
  public:
    struct Limits {
        int block = QpMap::kBlock;  ///< pixels
        std::size_t count = 0;
        int low = -51;  ///< deltas beyond these are limited to them
        int high = 51;
    };
    QpRectangles(Size picture, Limits limits);

    /// Valid until the next call. None for a map that is empty or all zeros.
    [[nodiscard]] std::span<const QpRegion> build(const QpMap& map);

  private:
    /// In blocks; `score` is |delta| x area, 0: nothing there.
    struct Candidate {
        int score = 0;
        int delta = 0;
        int column = 0;
        int row = 0;
        int width = 0;
        int height = 0;
        bool stale = false;  ///< part of it was taken: `score` is an upper bound
    };
    struct Bar {
        int column;
        int height;
    };

    [[nodiscard]] bool measureRow(int row, int left, int right);
    void findInRow(int row);
    void closeBars(int height, int end, int row, int delta, Candidate& best);
    void take(const Candidate& taken);
    [[nodiscard]] QpRegion region(const Candidate& candidate) const;

    Size picture_;
    Limits limits_;
    QpMap pooled_;                        // what was taken is 0 in it
    std::vector<std::uint16_t> heights_;  // per block: how many of its delta stand above each other and end with it
    std::vector<Candidate> bestOfRow_;    // the one that matters most among those whose last row it is
    std::vector<Bar> bars_;
    std::vector<QpRegion> regions_;
};

}  // namespace smartcodec
