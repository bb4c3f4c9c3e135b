#include <array>
#include <stdexcept>
#include <string_view>

#include "daemon/streams/source_makers.h"

namespace vedette::daemon::streams {

namespace {

using settings::SourceKind;

// test://tone, test://picture, ...: what needs neither a camera nor a file.
struct TestSource {
  std::string_view name;
  const char* description;
};
constexpr std::array<TestSource, 6> kTestSources{{
    {"",
     "audiotestsrc is-live=true volume=0.2  videotestsrc is-live=true ! "
     "capsfilter caps=video/x-raw,width=320,height=180,framerate=15/1"},
    {"tone", "audiotestsrc is-live=true"},
    {"silence", "audiotestsrc is-live=true wave=silence"},
    {"noise", "audiotestsrc is-live=true wave=pink-noise volume=0.2"},
    {"picture",
     "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=320,height=180,framerate=15/1"},
    {"black",
     "audiotestsrc is-live=true wave=silence  videotestsrc is-live=true pattern=black ! "
     "capsfilter caps=video/x-raw,width=320,height=180,framerate=15/1"},
}};

std::string test_source(std::string name) {
  while (name.ends_with('/')) name.pop_back();
  std::string known;
  for (const TestSource& test : kTestSources) {
    if (test.name == name) return test.description;
    known += std::string(known.empty() ? "" : ", ") + "test://" + std::string(test.name);
  }
  throw std::invalid_argument("test://" + name + ": expected one of " + known);
}

struct DeviceSource {
  SourceKind kind;
  const char* element;
  const char* property;  // that names the device
};
// The pipeline's clock is the system's, so that UTC follows from it: no device gives the clock.
constexpr std::array<DeviceSource, 4> kDevices{
    {{SourceKind::kV4l2, "v4l2src", "device"},
     {SourceKind::kAlsa, "alsasrc provide-clock=false", "device"},
     {SourceKind::kPulse, "pulsesrc provide-clock=false client-name=vedette", "device"},
     {SourceKind::kPipeWire, "pipewiresrc", "target-object"}}};

const DeviceSource& device_of(SourceKind kind) {
  for (const DeviceSource& device : kDevices) {
    if (device.kind == kind) return device;
  }
  throw std::invalid_argument("not a device");
}

// pipewiresrc gives anything, and left alone sound without a format: what it is must be said. `monitor` is
// what is played on a sink.
std::string described(const settings::SourceUrl& url, const std::string& name) {
  std::string text = std::string(device_of(url.kind).element) + " name=" + name;
  if (url.kind != SourceKind::kPipeWire) return text;
  const auto media = url.options.find("media");
  if (media != url.options.end() && media->second == "monitor")
    text += " stream-properties=\"props,stream.capture.sink=true\"";
  return text + " ! capsfilter name=" + name + "-caps caps=" +
         (url.is_picture_device() ? "video/x-raw;image/jpeg;video/x-h264"
                                  : "audio/x-raw,format=F32LE,layout=interleaved");
}

// pipewiresrc 0.3 leaves its node and comes anew when what follows is linked anew, and does not always get
// there.
GstPadProbeReturn keep_format(GstPad*, GstPadProbeInfo* info, gpointer) {
  const bool again = GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_RECONFIGURE;
  return again ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

void set_device(GstElement* bin, const std::string& name, const settings::SourceUrl& url) {
  if (!url.place.empty()) set_child(bin, name.c_str(), device_of(url.kind).property, url.place);
  const GstPtr<GstElement> caps(gst_bin_get_by_name(GST_BIN(bin), (name + "-caps").c_str()));
  if (!caps) return;
  const GstPtr<GstPad> pad(gst_element_get_static_pad(caps.get(), "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, keep_format, nullptr, nullptr);
}

}  // namespace

Source make_device(const settings::StreamSettings& stream, const settings::SourceUrl& url) {
  // A device tells when it took what it gives: what remains is the way from the microphone or the lens.
  constexpr std::chrono::milliseconds kDeviceError{100};
  const bool is_test = url.kind == SourceKind::kTest;
  std::string text = is_test ? test_source(url.place) : described(url, "vedette-device");
  std::optional<settings::SourceUrl> microphone;
  if (!stream.microphone.empty()) {
    microphone = settings::parse_source_url(stream.microphone);
    text += "  " + described(*microphone, "vedette-microphone");
  }
  Source source{make_described(text)};
  if (!is_test) {
    set_device(source.element.get(), "vedette-device", url);
    source.receive_error = kDeviceError;
  }
  if (microphone) set_device(source.element.get(), "vedette-microphone", *microphone);
  return source;
}

}  // namespace vedette::daemon::streams
