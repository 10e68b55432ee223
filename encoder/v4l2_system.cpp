#include "encoder/v4l2_system.h"
