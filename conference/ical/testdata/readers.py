# Reads calendar objects with readers that are not ours and prints what each of them understands, one JSON object per line.
import ctypes, ctypes.util, datetime, json, sys
import icalendar, vobject

name = ctypes.util.find_library("ical")
lib = ctypes.CDLL(name) if name else None
if lib:
    lib.icalparser_parse_string.restype = ctypes.c_void_p
    lib.icalparser_parse_string.argtypes = [ctypes.c_char_p]
    lib.icalrestriction_check.argtypes = [ctypes.c_void_p]
    lib.icalcomponent_count_errors.argtypes = [ctypes.c_void_p]

def utc(t):
    return t.astimezone(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ") if t else ""

def refused(c):
    lib.icalcomponent_as_ical_string.restype = ctypes.c_char_p
    lib.icalcomponent_as_ical_string.argtypes = [ctypes.c_void_p]
    lines = lib.icalcomponent_as_ical_string(c).decode().replace("\r\n ", "").split("\r\n")
    return [l.partition(":")[2] for l in lines if l.startswith("X-LIC-ERROR")]

for path in sys.argv[1:]:
    raw = open(path, "rb").read()
    if lib:
        c = lib.icalparser_parse_string(raw)
        ok = bool(c) and lib.icalrestriction_check(c) == 1
        print(json.dumps({"file": path, "reader": "libical", "ok": ok, "errors": lib.icalcomponent_count_errors(c) if c else -1,
                          "refused": refused(c) if c else []}))
    e = icalendar.Calendar.from_ical(raw).walk("VEVENT")[0]
    a = e.get("ATTENDEE")
    print(json.dumps({"file": path, "reader": "icalendar", "uid": str(e["UID"]), "sequence": int(e.get("SEQUENCE", 0)),
                      "start": utc(e["DTSTART"].dt if "DTSTART" in e else None), "end": utc(e["DTEND"].dt if "DTEND" in e else None), "cn": str(a.params.get("CN", "")) if a is not None else ""}))
    v = vobject.readOne(raw.decode()).vevent
    cn = v.attendee.params.get("CN", [""])[0] if hasattr(v, "attendee") else ""
    print(json.dumps({"file": path, "reader": "vobject", "uid": v.uid.value, "sequence": int(v.sequence.value) if hasattr(v, "sequence") else 0,
                      "start": utc(v.dtstart.value if hasattr(v, "dtstart") else None), "end": utc(v.dtend.value if hasattr(v, "dtend") else None), "cn": cn}))
