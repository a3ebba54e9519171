package casefile

import (
	"strings"
	"testing"
)

func TestMeterCountsWhoCouldBeMeantAndOffersLess(t *testing.T) {
	t.Parallel()
	own := Traits{AgeBand: "50", Sex: "f", Occupation: "9", Diagnosis: "mental"}
	all := []Traits{
		own, {AgeBand: "60", Sex: "f", Occupation: "9", Diagnosis: "mental"}, {AgeBand: "50", Sex: "f", Occupation: "2", Diagnosis: "mental"},
		{AgeBand: "50", Sex: "f", Occupation: "3", Diagnosis: "mental"}, {AgeBand: "50", Sex: "f", Occupation: "4", Diagnosis: "mental"},
		{AgeBand: "50", Sex: "f", Occupation: "5", Diagnosis: "mental"}, {Sex: "f"}, {},
	}
	m := measure(own, all)
	if m.K != 1 || !m.Rare() || m.Level() != "rare" || m.Cases != len(all) {
		t.Fatalf("%d of %d, %s", m.K, m.Cases, m.Level())
	}
	if best := m.Coarser[0]; len(best.Steps) != 1 || best.Steps[0] != (Step{"occupation", ""}) || best.K != 5 {
		t.Errorf("offers %+v first", best)
	}
	for _, c := range m.Coarser {
		if c.K <= m.K {
			t.Errorf("offers %+v, which changes nothing", c)
		}
	}
	wider := own
	wider.AgeBand = "over50"
	if k := wider.among(all); k != 2 {
		t.Errorf("over fifty: %d, want the one of sixty with her", k)
	}
	if m := measure(Traits{}, all); m.Known() || m.Rare() || m.Level() != "none" {
		t.Errorf("nothing told: %+v", m)
	}
}

func TestTownsAreReadAndCounted(t *testing.T) {
	t.Parallel()
	towns, err := readTowns(strings.NewReader("name,district,population\nKleinow,Uckerland,900\n\"Groß Leben, Bad\",Uckerland,40000\n"))
	if err != nil {
		t.Fatal(err)
	}
	one, ok := towns.in("17291 kleinow")
	if !ok || one.Population != 900 || len(towns.Regions()) != 3 {
		t.Fatalf("%+v, %v, %v", one, ok, towns.Regions())
	}
	if n := (Traits{AgeBand: "50", Sex: "m"}).alike(one); n != 67 {
		t.Errorf("%d men of fifty, want 67", n)
	}
	for _, bad := range []string{"a,b,c\nKleinow,Uckerland,viele\n", "a,b,c\nKleinow,Uckerland\n", "a,b,c\n,Uckerland,3\n"} {
		if _, err := readTowns(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
