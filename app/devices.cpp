#include "app/devices.h"

#include "app/device_report.h"

namespace smartcodec {

std::string listDevices(const DeviceListing& listing, V4l2System& system) {
    const DeviceReport report = reportDevices(listing, system);
    return listing.json ? toJson(report) : toText(report);
}

}  // namespace smartcodec
