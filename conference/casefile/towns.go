package casefile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Town is a municipality and how many people live there.
type Town struct {
	Name, District string
	Population     int
}

// Towns are the municipalities that a deployment has loaded; the zero value has none.
type Towns struct {
	byName    map[string]Town // lower case
	districts []string
}

// LoadTowns reads a CSV file with a first line and the columns name, district, population. A file that is not there gives no towns.
func LoadTowns(path string) (Towns, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Towns{}, nil
	}
	if err != nil {
		return Towns{}, fmt.Errorf("municipalities: %w", err)
	}
	defer f.Close()
	t, err := readTowns(f)
	if err != nil {
		return Towns{}, fmt.Errorf("municipalities: %w", err)
	}
	return t, nil
}

func readTowns(r io.Reader) (Towns, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = 3
	all, err := lines.ReadAll()
	if err != nil {
		return Towns{}, err
	}
	t := Towns{byName: map[string]Town{}}
	for i, line := range all[min(1, len(all)):] {
		people, err := strconv.Atoi(strings.TrimSpace(line[2]))
		one := Town{strings.TrimSpace(line[0]), strings.TrimSpace(line[1]), people}
		if err != nil || people < 1 || one.Name == "" || one.District == "" || len(one.District) > 60 {
			return Towns{}, fmt.Errorf("line %d is not name, district, population", i+2)
		}
		// of two with one name the smaller tells more about the people in it
		if old, there := t.byName[strings.ToLower(one.Name)]; !there || people < old.Population {
			t.byName[strings.ToLower(one.Name)] = one
		}
		t.districts = append(t.districts, one.District)
	}
	slices.Sort(t.districts)
	t.districts = slices.Compact(t.districts)
	return t, nil
}

// Names lists the municipalities, one a line, as the guard's list of places takes them.
func (t Towns) Names() string {
	var b strings.Builder
	for _, one := range t.byName {
		b.WriteString(one.Name + "\n")
	}
	return b.String()
}

// in finds the town that a passage names: "17291 Prenzlau" names Prenzlau.
func (t Towns) in(passage string) (Town, bool) {
	one, ok := t.byName[strings.ToLower(strings.TrimLeft(passage, "0123456789 -"))]
	return one, ok
}
