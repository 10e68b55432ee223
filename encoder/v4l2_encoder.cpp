#include "encoder/v4l2_encoder.h"
