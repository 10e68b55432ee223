#include "app/devices.h"

#include "app/device_report.h"

namespace smartcodec {

std::string listDevices(const DeviceListing& listing, V4l2System& system, CameraSystem* cameras) {
    const DeviceReport report = reportDevices(listing, system, cameras);
    return listing.json ? toJson(report) : toText(report);
}

}  // namespace smartcodec
