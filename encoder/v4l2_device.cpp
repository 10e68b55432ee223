#include "encoder/v4l2_device.h"
