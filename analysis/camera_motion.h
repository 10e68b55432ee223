#pragma once

#include <vector>

#include "analysis/cells.h"
#include "analysis/change.h"

namespace smartcodec {

/// How a picture as a whole relates to the one before.
struct GlobalChange {
    double shiftX = 0;   ///< cells; the content moved right by this much
    double shiftY = 0;   ///< cells; down
    bool moved = false;  ///< that shift explains most of what changed, all over the picture
    bool cut = false;    ///< nothing of the picture before is left
};

/// Told apart by what a shift of the whole picture explains. Looked into only where a good part of the textured picture
/// changed; otherwise it is objects. Allocates only when the size changes.
class CameraMotion {
  public:
    struct Tile {
        int x = 0;  // cells
        int y = 0;
    };

    /// `change` is between the two grids, lighting allowed for.
    [[nodiscard]] GlobalChange measure(const CellGrid& now, const CellGrid& before, const ChangeMap& change,
                                       const Noise& noise);

  private:
    void findTexture(const CellGrid& cells, const Noise& noise);
    void findSuspects(const ChangeMap& change);

    std::vector<Tile> textured_;  // tiles that can show a movement; looked for again once in a while
    std::vector<Tile> suspects_;  // of those, the ones that changed
    int untilTexture_ = 0;        // pictures
    int columns_ = 0;
    int rows_ = 0;
    std::vector<float> nowAcross_, nowDown_, beforeAcross_, beforeDown_;
};

}  // namespace smartcodec
