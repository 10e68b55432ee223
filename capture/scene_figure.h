#pragma once

#include <vector>

#include "capture/scene_description.h"

namespace smartcodec {

/// The shape and colours of a look in one posture, as soft-edged parts painted over each other.
class SceneFigure {
  public:
    SceneFigure(const SceneLook& look, int posture);

    struct Sample {
        double coverage = 0;  ///< 0..1
        double luma = 128;
        double cb = 128;
        double cr = 128;
    };
    /// At (x, y) pixels of the look right of and below its centre; edges `softness` pixels wide.
    [[nodiscard]] Sample at(double x, double y, double softness) const;

  private:
    /// A line from one point to another with round ends, an ellipse (radii) or a box with round corners (half sizes).
    struct Part {
        enum class Kind { Limb, Ellipse, Box, Slope } kind = Kind::Limb;
        double x = 0, y = 0;    // start or centre, in heights of the look
        double x2 = 0, y2 = 0;  // end, radii or half sizes
        double radius = 0;      // of a limb or of a box's corners; Slope: how much narrower the top is on each side
        double luma = 0, cb = 0, cr = 0;
    };
    /// Half the sides of a part's surrounding box and its centre, in the parts' units.
    struct Box {
        double x = 0, y = 0, halfWidth = 0, halfHeight = 0;
    };
    void person(const SceneLook& look, double turn);
    void animal(const SceneLook& look, double turn);
    void car(const SceneLook& look);
    [[nodiscard]] static double inside(const Part& part, double x, double y);

    [[nodiscard]] static Box around(const Part& part);

    std::vector<Part> parts_;
    std::vector<Box> boxes_;  // of each part
    double unitX_;            // pixels per unit of the parts
    double unitY_;
};

}  // namespace smartcodec
