#include "encoder/v4l2_regions.h"

#include "encoder/v4l2_map_regions.h"
#include "encoder/v4l2_rectangle_regions.h"
#include "encoder/v4l2_region_search.h"

namespace smartcodec {

std::unique_ptr<V4l2Regions> findRegions(const V4l2Device& device, V4l2Controls& controls, Codec codec, Size size) {
    const std::vector<v4l2_query_ext_ctrl> listed = controls.all();
    const V4l2RegionSearch search{
        .device = device, .controls = controls, .listed = listed, .codec = codec, .size = size};
    if (auto map = V4l2MapRegions::find(search))
        return map;
    return V4l2RectangleRegions::find(search);
}

}  // namespace smartcodec
