#include "encoder/v4l2_controls.h"
