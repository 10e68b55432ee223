#include "encoder/v4l2_drivers.h"
