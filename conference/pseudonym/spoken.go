package pseudonym

import (
	"crypto/rand"
	"math/big"
	"strconv"
	"strings"
)

// Spoken draws something short to call a conference by when people talk about it, such as "Ahorn 7". It says nothing of
// anybody. The caller sees to it that no other conference is called so at the same time: there are some nine thousand.
func Spoken() string {
	words := strings.Fields(spokenWords)
	return words[below(len(words))] + " " + strconv.Itoa(2+below(98))
}

func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil { // the system's source of randomness does not fail
		panic(err)
	}
	return int(i.Int64())
}

// spokenWords are plants, stones, waters and weather: two syllables mostly, well apart on a bad line, none of them a word for people
// or illness.
const spokenWords = `
	Ahorn Akelei Amber Anemone Aprikose Aster Azur Basalt Basilikum Birke Brombeere Buche Dattel Delta Distel Dolde Düne Efeu
	Eibe Enzian Erle Esche Espe Farn Feige Felsen Fenchel Fichte Fjord Flieder Föhre Forsythie Garten Geysir Ginster Gletscher Granit
	Hafen Hagebutte Hasel Heide Himbeere Holunder Hopfen Iris Jade Jasmin Kamille Kastanie Kiefer Kiesel Klee Koralle Kornblume Kresse
	Kristall Lagune Lärche Lavendel Lupine Malve Mandel Marmor Melisse Minze Mirabelle Mohn Moos Nebel Oase Olive Orchidee Palme
	Pappel Pinie Platane Primel Quarz Quelle Quitte Rosmarin Safran Salbei Sanddorn Saphir Savanne Schiefer Schlehe Schilf Sonnenblume
	Tanne Thymian Topas Tulpe Tundra Ulme Vanille Veilchen Wacholder Walnuss Welle Wiese Zeder Zimt Zypresse`
