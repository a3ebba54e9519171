package expertpool

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Point is a place on the ground, in degrees (WGS 84).
type Point struct{ Lat, Lon float64 }

// earthRadius in km, of the sphere that has the earth's volume.
const earthRadius = 6371.0

// To is the distance in km as the crow flies, by the haversine formula.
func (p Point) To(q Point) float64 {
	const degree = math.Pi / 180
	lat, lon := math.Sin((q.Lat-p.Lat)*degree/2), math.Sin((q.Lon-p.Lon)*degree/2)
	h := lat*lat + math.Cos(p.Lat*degree)*math.Cos(q.Lat*degree)*lon*lon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// Region is a German postal region: all postcodes that begin with these two digits.
type Region struct {
	Prefix string
	Centre Point // rough: where most of its people live, to a tenth of a degree or so
}

// Regions are all there are. They serve where no places have been imported: good for "about 60 km", not for "next door".
func Regions() []Region {
	return []Region{
		{"01", Point{51.05, 13.75}}, {"02", Point{51.20, 14.70}}, {"03", Point{51.75, 14.30}}, {"04", Point{51.30, 12.50}},
		{"06", Point{51.60, 11.90}}, {"07", Point{50.80, 11.80}}, {"08", Point{50.60, 12.50}}, {"09", Point{50.80, 13.00}},
		{"10", Point{52.52, 13.42}}, {"12", Point{52.45, 13.43}}, {"13", Point{52.57, 13.37}}, {"14", Point{52.40, 12.90}},
		{"15", Point{52.30, 14.00}}, {"16", Point{52.90, 13.40}}, {"17", Point{53.70, 13.30}}, {"18", Point{54.20, 12.50}},
		{"19", Point{53.50, 11.50}}, {"20", Point{53.55, 10.00}}, {"21", Point{53.35, 10.00}}, {"22", Point{53.60, 10.00}},
		{"23", Point{53.90, 10.80}}, {"24", Point{54.40, 9.90}}, {"25", Point{54.10, 9.20}}, {"26", Point{53.30, 7.80}},
		{"27", Point{53.30, 8.70}}, {"28", Point{53.08, 8.85}}, {"29", Point{52.80, 10.40}}, {"30", Point{52.38, 9.73}},
		{"31", Point{52.20, 9.70}}, {"32", Point{52.10, 8.70}}, {"33", Point{51.85, 8.60}}, {"34", Point{51.30, 9.40}},
		{"35", Point{50.65, 8.65}}, {"36", Point{50.60, 9.80}}, {"37", Point{51.60, 9.90}}, {"38", Point{52.20, 10.70}},
		{"39", Point{52.30, 11.60}}, {"40", Point{51.22, 6.80}}, {"41", Point{51.20, 6.45}}, {"42", Point{51.20, 7.15}},
		{"44", Point{51.52, 7.40}}, {"45", Point{51.50, 7.05}}, {"46", Point{51.65, 6.75}}, {"47", Point{51.50, 6.55}},
		{"48", Point{52.00, 7.60}}, {"49", Point{52.50, 7.90}}, {"50", Point{50.93, 6.90}}, {"51", Point{51.00, 7.20}},
		{"52", Point{50.80, 6.30}}, {"53", Point{50.65, 7.10}}, {"54", Point{49.85, 6.65}}, {"55", Point{49.90, 7.80}},
		{"56", Point{50.35, 7.45}}, {"57", Point{50.90, 8.00}}, {"58", Point{51.30, 7.55}}, {"59", Point{51.50, 8.10}},
		{"60", Point{50.12, 8.68}}, {"61", Point{50.27, 8.70}}, {"63", Point{50.10, 9.05}}, {"64", Point{49.80, 8.70}},
		{"65", Point{50.15, 8.25}}, {"66", Point{49.35, 7.05}}, {"67", Point{49.40, 8.10}}, {"68", Point{49.45, 8.50}},
		{"69", Point{49.40, 8.80}}, {"70", Point{48.75, 9.17}}, {"71", Point{48.85, 9.20}}, {"72", Point{48.40, 8.90}},
		{"73", Point{48.75, 9.80}}, {"74", Point{49.20, 9.50}}, {"75", Point{48.85, 8.70}}, {"76", Point{49.00, 8.30}},
		{"77", Point{48.40, 7.95}}, {"78", Point{47.95, 8.70}}, {"79", Point{47.85, 7.85}}, {"80", Point{48.15, 11.55}},
		{"81", Point{48.13, 11.60}}, {"82", Point{47.85, 11.20}}, {"83", Point{47.85, 12.30}}, {"84", Point{48.40, 12.30}},
		{"85", Point{48.40, 11.60}}, {"86", Point{48.35, 10.80}}, {"87", Point{47.75, 10.30}}, {"88", Point{47.85, 9.65}},
		{"89", Point{48.45, 10.00}}, {"90", Point{49.43, 11.05}}, {"91", Point{49.40, 10.70}}, {"92", Point{49.50, 12.00}},
		{"93", Point{49.05, 12.30}}, {"94", Point{48.75, 13.10}}, {"95", Point{50.10, 11.80}}, {"96", Point{50.05, 10.90}},
		{"97", Point{49.85, 9.95}}, {"98", Point{50.60, 10.60}}, {"99", Point{51.00, 11.00}},
	}
}

// regionOf finds the region of a postcode.
func regionOf(postcode string) (Region, bool) {
	all := Regions()
	i := slices.IndexFunc(all, func(r Region) bool { return strings.HasPrefix(postcode, r.Prefix) })
	if len(postcode) != 5 || i < 0 {
		return Region{}, false
	}
	return all[i], true
}

// Area is a postcode with the middle of its area.
type Area struct {
	Postcode string
	Point
	Name string
}

// maxPlaces bounds what an import reads. Germany has 8,200 areas; files name a place per line.
const maxPlaces = 200_000

// ReadPlaces reads a file of postcodes: CSV (comma, semicolon or tab) whose first line names the columns plz or postcode, lat
// or latitude, lon or longitude and, if it likes, ort or place; or the tables of GeoNames, which have no first line. The
// places of one postcode become one, in the middle of them. Errors name the line.
func ReadPlaces(r io.Reader) ([]Area, error) {
	in := bufio.NewReader(r)
	first, err := in.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line, _, _ := strings.Cut(string(first), "\n")
	rows := csv.NewReader(in)
	rows.Comma, rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = delimiter(line), -1, true, true
	columns, header := columnsOf(strings.Split(strings.TrimPrefix(line, "\ufeff"), string(rows.Comma)))
	if header {
		if _, err := rows.Read(); err != nil {
			return nil, err
		}
	}
	if slices.Contains(columns[:3], -1) {
		return nil, errors.New("line 1: no columns for postcode, latitude and longitude")
	}
	return middles(rows, columns)
}

func delimiter(line string) rune {
	for _, d := range "\t;" {
		if strings.ContainsRune(line, d) {
			return d
		}
	}
	return ','
}

// columnsOf finds postcode, latitude, longitude and name among the names of columns; -1 for one that is not there. Without any
// names the columns are those of GeoNames.
func columnsOf(names []string) (columns [4]int, header bool) {
	columns = [4]int{-1, -1, -1, -1}
	known := [4][]string{{"plz", "postcode", "postal_code", "zip"}, {"lat", "latitude", "breite"}, {"lon", "lng", "longitude", "laenge", "länge"}, {"ort", "place", "name"}}
	for i, n := range names {
		n = strings.ToLower(strings.Trim(strings.TrimSpace(n), `"`))
		for c := range known {
			if columns[c] < 0 && slices.Contains(known[c], n) {
				columns[c], header = i, true
			}
		}
	}
	if !header && len(names) >= 11 {
		return [4]int{1, 9, 10, 2}, false
	}
	return columns, header
}

// middles joins the rows of a postcode, which stand together or do not.
func middles(rows *csv.Reader, columns [4]int) ([]Area, error) {
	at := map[string]int{}
	var places []Area
	var counts []float64
	for n := 0; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		p, err := placeOf(row, columns)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if n >= maxPlaces {
			return nil, fmt.Errorf("line %d: more than %d places", line, maxPlaces)
		}
		i, known := at[p.Postcode]
		if !known {
			at[p.Postcode] = len(places)
			places, counts = append(places, p), append(counts, 1)
			continue
		}
		counts[i]++
		places[i].Lat += (p.Lat - places[i].Lat) / counts[i]
		places[i].Lon += (p.Lon - places[i].Lon) / counts[i]
	}
	if len(places) == 0 {
		return nil, errors.New("no places")
	}
	return places, nil
}

func placeOf(row []string, columns [4]int) (p Area, err error) {
	cell := func(c int) string {
		if i := columns[c]; i >= 0 && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	p.Postcode, p.Name = cell(0), strings.Clone(cell(3))
	p.Postcode = strings.Clone(p.Postcode)
	if len(p.Postcode) != 5 || checkPostcode(p.Postcode) != nil {
		return p, errors.New("not a postcode of five digits")
	}
	if p.Lat, err = degrees(cell(1), 90); err != nil {
		return p, fmt.Errorf("latitude: %w", err)
	}
	if p.Lon, err = degrees(cell(2), 180); err != nil {
		return p, fmt.Errorf("longitude: %w", err)
	}
	return p, nil
}

func degrees(s string, most float64) (float64, error) {
	v, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) > most {
		return 0, fmt.Errorf("not between %g and %g degrees", -most, most)
	}
	return v, nil
}
