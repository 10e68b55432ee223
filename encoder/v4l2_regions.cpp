#include "encoder/v4l2_regions.h"
