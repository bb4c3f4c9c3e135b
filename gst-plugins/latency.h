#pragma once

#include <gst/gst.h>

namespace vedette::gst {

// Answers a LATENCY query of the source pad: what stands upstream of `sink`, and `own` more.
inline gboolean answer_latency(GstPad* sink, GstQuery* query, GstClockTime own) {
  if (gst_pad_peer_query(sink, query) == FALSE) return FALSE;
  gboolean live = FALSE;
  GstClockTime shortest = 0, longest = 0;
  gst_query_parse_latency(query, &live, &shortest, &longest);
  gst_query_set_latency(query, live, shortest + own,
                        GST_CLOCK_TIME_IS_VALID(longest) ? longest + own : longest);
  return TRUE;
}

}  // namespace vedette::gst
