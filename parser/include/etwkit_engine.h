// The door: everything of the engine that the program (cli/, exporters/) uses.
//
// The program includes this header, etwkit.h, base/ and the list decode/columns.def, and nothing else of parser/
// (tests/layers.sh). And the linker gives it no other functions: build/engine.o is the engine as one object whose only
// global names are those of base/ and those listed here (Makefile). "undefined reference" to a function that exists
// means that it is not listed: add its line, or better, say it with what is. What the program does not use must not be
// listed (tests/library.sh).
//
// Not installed: others have etwkit.h, opentrace.h and tdh.h, and a library that has no other names at all.
#ifndef ETWKIT_ENGINE_H
#define ETWKIT_ENGINE_H

#include "activity/activity.h"
#include "container/carve.h"
#include "container/clock.h"
#include "container/damage.h"
#include "container/etl_file.h"
#include "container/event.h"
#include "container/trace_header.h"
#include "correlate/correlate.h"
#include "decode/classes.h"
#include "decode/columns.h"
#include "decode/events.h"
#include "decode/record.h"
#include "decode/render.h"
#include "decode/value.h"
#include "detect/correlation.h"
#include "detect/libpcre2.h"
#include "detect/libyaml.h"
#include "detect/views.h"
#include "input/archive.h"
#include "input/find.h"
#include "input/hive.h"
#include "input/input.h"
#include "input/input_disk.h"
#include "input/kinds.h"
#include "input/libtsk.h"
#include "input/libarchive.h"
#include "input/member_names.h"
#include "input/spool.h"
#include "query/filter.h"
#include "query/query.h"
#include "query/where.h"
#include "schema/cache/schema_cache.h"
#include "schema/cache/schema_pack.h"
#include "schema/core/core_pack.h"
#include "schema/core/schema_core.h"
#include "schema/machine/drives.h"
#include "schema/machine/machine.h"
#include "schema/manifest/manifest.h"
#include "schema/model/schema.h"
#include "schema/tables/sid_names.h"
#include "session/count.h"
#include "session/merge.h"
#include "session/scan.h"
#include "session/schema_store.h"
#include "session/session.h"
#include "session/trim.h"
#include "threads/crew.h"
#include "threads/ring.h"

// Says that a name is there, and is read by the Makefile.
#define ENGINE(name) extern __typeof__(name) name;

// clang-format off
// ---------------------------------------------------------------------------------------------- inputs and what is in them

ENGINE(archive_library)
ENGINE(hive_library)
ENGINE(libewf_version)
ENGINE(libtsk_version)

ENGINE(find_inputs)
ENGINE(archive_each)
ENGINE(libarchive)
ENGINE(libarchive_is_there)
ENGINE(member_name_new)
ENGINE(member_names_free)
ENGINE(member_names_new)

ENGINE(input_change_text)
ENGINE(input_changed)
ENGINE(input_close)
ENGINE(input_kind_of)
ENGINE(input_load)
ENGINE(input_open)
ENGINE(input_read)
ENGINE(input_set_name)
ENGINE(input_sha256_text)
ENGINE(input_unfold_disk)

ENGINE(spool_add)
ENGINE(spool_bytes)
ENGINE(spool_free)
ENGINE(spool_new)
ENGINE(spool_read)

ENGINE(etl_is_likely)

ENGINE(libpcre2_version)
ENGINE(libyaml_version)
ENGINE(correlations_end)
ENGINE(correlations_forgotten)
ENGINE(correlations_free)
ENGINE(correlations_new)
ENGINE(correlations_see)
ENGINE(rule_gave_up)
ENGINE(rule_level_name)
ENGINE(rule_level_read)
ENGINE(rule_reasons)
ENGINE(rule_set_add)
ENGINE(rule_set_close)
ENGINE(rule_set_free)
ENGINE(view_reasons_free)
ENGINE(view_reasons_new)
ENGINE(view_reasons_of)
ENGINE(view_scratch_free)
ENGINE(views_free)
ENGINE(views_new)
ENGINE(views_see)
ENGINE(views_watch)
ENGINE(yaml_read)

ENGINE(carve_free)
ENGINE(carve_group)
ENGINE(carve_proven)
ENGINE(carve_reason_text)
ENGINE(carve_scan)

ENGINE(clock_duration)
ENGINE(clock_filetime)
ENGINE(clock_type_name)

ENGINE(damage_in_order)

ENGINE(header_kind_name)

ENGINE(clock_anchor_name)

// ---------------------------------------------------------------------------------------------- schemas

ENGINE(in_type_find)
ENGINE(in_type_name)
ENGINE(out_type_name)
ENGINE(sid_name)
ENGINE(sid_name_of)
ENGINE(schema_each)
ENGINE(schema_find)
ENGINE(schema_load_found)
ENGINE(schema_load_free)
ENGINE(schema_load_note)
ENGINE(schema_load_path)
ENGINE(schema_origin_name)
ENGINE(schema_providers)
ENGINE(schema_set_fetch)
ENGINE(schema_set_free)
ENGINE(schema_set_new)
ENGINE(schema_sort)
ENGINE(schema_walk)

ENGINE(machines_fetch)
ENGINE(machines_free)
ENGINE(machines_helper)
ENGINE(machines_load)
ENGINE(machines_new)
ENGINE(machines_note)
ENGINE(machines_tell)

ENGINE(core_at)
ENGINE(core_count)
ENGINE(core_sha256)
ENGINE(core_text)
ENGINE(schema_core_fetch)

ENGINE(manifest_load)

ENGINE(pdb_publics)
ENGINE(public_symbols_free)

ENGINE(schema_cache_close)
ENGINE(schema_cache_default_path)
ENGINE(schema_cache_fetch)
ENGINE(schema_cache_fill)
ENGINE(schema_cache_identity)
ENGINE(schema_cache_list)
ENGINE(schema_cache_open)
ENGINE(schema_cache_path)
ENGINE(schema_cache_refused)
ENGINE(schema_cache_rows)

ENGINE(schema_pack)
ENGINE(schema_unpack)

ENGINE(schema_store_free)
ENGINE(schema_store_new)
ENGINE(schema_store_set)

// ---------------------------------------------------------------------------------------------- records in the order of time

ENGINE(record_scratch_free)
ENGINE(session_add)
ENGINE(session_check_files)
ENGINE(session_counted)
ENGINE(session_free)
ENGINE(session_host)
ENGINE(session_new)
ENGINE(session_os_build)
ENGINE(session_record)
ENGINE(session_record_bare)
ENGINE(session_state)
ENGINE(segments_free)
ENGINE(segments_look)
ENGINE(segments_order)
ENGINE(session_survey)
ENGINE(session_take_counts)
ENGINE(trace_events_of)
ENGINE(trim_trace)


ENGINE(merge_buffer_count)
ENGINE(merge_buffer_free)
ENGINE(merge_event_count)
ENGINE(merge_free)
ENGINE(merge_load)
ENGINE(merge_new)
ENGINE(merge_next)
ENGINE(merge_on_release)
ENGINE(merge_part_start)
ENGINE(merge_place_of)
ENGINE(merge_places_within)
ENGINE(merge_add_before)
ENGINE(slice_release)

ENGINE(correlator_connections)
ENGINE(correlator_counts)
ENGINE(correlator_host)
ENGINE(correlator_losses)
ENGINE(correlator_module)
ENGINE(correlator_pdbs)
ENGINE(correlator_processes)
ENGINE(correlator_set_symbols)

ENGINE(activities_free)
ENGINE(activities_new)
ENGINE(activities_of_class)
ENGINE(activity_fields)
ENGINE(activity_kinds)
ENGINE(activity_known_name)
ENGINE(activity_number)
ENGINE(activity_put)
ENGINE(activity_see)
ENGINE(activity_sentence)
ENGINE(activity_source_count)
ENGINE(activity_source_is_of)
ENGINE(activity_sources)
ENGINE(activity_text)

ENGINE(filter_add_ids)
ENGINE(filter_add_pid)
ENGINE(filter_add_provider)
ENGINE(filter_add_tid)
ENGINE(filter_asks_class)
ENGINE(filter_bind)
ENGINE(filter_class)
ENGINE(filter_free)
ENGINE(filter_init)
ENGINE(filter_is_open)
ENGINE(filter_is_provider)
ENGINE(filter_may_let)
ENGINE(filter_needs_record)
ENGINE(filter_needs_stack)
ENGINE(filter_record)
ENGINE(filter_set_keyword)
ENGINE(filter_set_level)
ENGINE(filter_unbind)
ENGINE(query_scratch_free)

ENGINE(classes_have_field)
ENGINE(where_asks_process)
ENGINE(where_field)
ENGINE(where_free)
ENGINE(where_parse)

// ---------------------------------------------------------------------------------------------- a record and its values

ENGINE(class_count)
ENGINE(class_list)
ENGINE(class_rest)
ENGINE(class_unplanned)

ENGINE(buffer_reader_free)

ENGINE(column_json)
ENGINE(event_meets)
ENGINE(column_related_activity)
ENGINE(column_table)
ENGINE(column_text)
ENGINE(column_value)
ENGINE(column_user_sid)
ENGINE(payload_text)
ENGINE(record_state_name)
ENGINE(record_data)
ENGINE(record_value)
ENGINE(value_at)
ENGINE(value_each_leaf)
ENGINE(value_path_find)
ENGINE(value_members)
ENGINE(value_next)

ENGINE(render_data)
ENGINE(render_data_json)
ENGINE(render_escaped)
ENGINE(render_extended_json)
ENGINE(render_message)
ENGINE(render_message_text)
ENGINE(render_bound)
ENGINE(render_stack)
ENGINE(render_stack_json)
ENGINE(render_text)
ENGINE(render_value_json)
ENGINE(render_value_text)

// ---------------------------------------------------------------------------------------------- threads

ENGINE(crew_free)
ENGINE(crew_give)
ENGINE(crew_new)
ENGINE(crew_threads)

ENGINE(ring_free)
ENGINE(ring_is_ready)
ENGINE(ring_new)
ENGINE(ring_open)
ENGINE(ring_release)
ENGINE(ring_take)
ENGINE(ring_work_or_wait)

// clang-format on

#undef ENGINE

#endif
