// The words of the code: an animal and a plant or a landscape, so that their order cannot be mixed up. 256 each, short, known to everybody,
// and far enough apart to be told from each other over a bad line. The lists are part of the protocol: both sides must have the same.

const animals = `
Aal Adler Affe Albatros Alpaka Ameise Amsel Antilope Assel Auerhahn Auster Axolotl Bachstelze Barsch Bergziege Biber
Biene Bisam Bison Blaumeise Blindschleiche Boa Bock Brasse Büffel Bulle Bussard Chamäleon Chinchilla Clownfisch Dachs Damhirsch
Delfin Dingo Distelfink Dogge Dohle Dompfaff Dorsch Drossel Echse Eichelhäher Eichhorn Eidechse Eisbär Eisvogel Elch Elefant
Elster Emu Engerling Ente Erdmännchen Esel Eule Falke Falter Faultier Feldhase Feuersalamander Fink Fischotter Flamingo Fledermaus
Flunder Fohlen Forelle Frettchen Frosch Fuchs Gams Gans Garnele Gazelle Gecko Geier Gepard Gibbon Giraffe Glühwurm
Goldfisch Gorilla Grille Grizzly Guanako Habicht Hahn Haifisch Hamster Haubentaucher Hecht Hering Hermelin Heupferd Hirsch Hornisse
Huhn Hummel Hummer Hund Hyäne Ibis Igel Iltis Impala Jaguar Käfer Kabeljau Kakadu Kaltblut Kamel Kanarienvogel
Känguru Karpfen Kater Kauz Kiebitz Kiwi Klapperschlange Koala Kobra Kolibri Kondor Krabbe Krähe Kranich Krebs Kreuzotter
Krokodil Kröte Kuckuck Kuh Lachs Lama Lamm Languste Laubfrosch Lemming Leopard Lerche Libelle Löwe Luchs Made
Maikäfer Makrele Mammut Mandrill Marabu Marder Marienkäfer Maulwurf Maus Meise Milan Möwe Molch Moorhuhn Mops Mücke
Mufflon Murmeltier Muschel Nachtigall Nandu Nashorn Natter Nerz Nilpferd Ochse Ohrwurm Okapi Oktopus Orca Otter Panda
Panther Papagei Pavian Pelikan Perlhuhn Pfau Pferd Pinguin Pirol Plötze Pony Pottwal Pudel Puma Qualle Quastenflosser
Rabe Ratte Raupe Rebhuhn Regenwurm Reh Reiher Rentier Ringelnatter Robbe Rochen Rotkehlchen Sardine Schaf Schakal Schildkröte
Schimmel Schimpanse Schmetterling Schnecke Schneehase Schwalbe Schwan Schwein Seehund Seeigel Seepferd Seestern Skorpion Specht Sperling Spinne
Spitz Star Steinbock Stichling Stier Stockfisch Storch Strauß Tapir Taube Tausendfuß Termite Thunfisch Tiger Tintenfisch Truthahn
Tukan Uhu Unke Vielfraß Viper Wachtel Walross Wanze Waschbär Wellensittich Wels Wespe Widder Wiesel Wildkatze Wombat`;

const plants = `
Ahorn Akazie Akelei Alm Aloe Alpenrose Amaryllis Ananas Anemone Anis Apfel Aprikose Arnika Artischocke Aster Aubergine
Aue Avocado Bach Baldrian Bambus Banane Bärlauch Basilikum Begonie Beifuß Berg Besenheide Binse Birke Birne Blumenkohl
Bohne Borretsch Brandung Brennnessel Brombeere Brunnen Bucht Buche Buchsbaum Buschwerk Chicorée Chili Christrose Dahlie Dattel Deich
Dill Distel Dotterblume Düne Efeu Eibe Eiche Eisenhut Eisscholle Endivie Engelwurz Enzian Erbse Erdbeere Erdnuss Erle
Esche Eukalyptus Farn Feige Feld Fels Fenchel Fichte Fingerhut Fjord Flachs Flieder Fluss Förde Forsythie Fuchsie
Gänseblume Garten Geest Geranie Gerste Geysir Ginkgo Ginster Gipfel Gladiole Gletscher Glockenblume Goldregen Grasland Grotte Gurke
Hafen Hafer Hagebutte Hain Halde Halligen Hanf Hang Hartriegel Hasel Heide Heidelbeere Heu Hibiskus Himbeere Hirse
Höhle Holunder Hopfen Hortensie Hügel Hyazinthe Immergrün Ingwer Insel Iris Jasmin Johannisbeere Kaffee Kaktus Kamille Kapuziner
Karotte Kartoffel Kastanie Kerbel Kiefer Kiesel Kirsche Klatschmohn Klee Klippe Knoblauch Kokosnuss Koralle Koriander Kornblume Krokus
Kümmel Kürbis Küste Lagune Lärche Lauch Lavendel Lichtung Liguster Lilie Limette Linde Linse Löwenzahn Lorbeer Lotus
Lupine Mais Majoran Malve Mandel Mangold Margerite Marsch Matte Meer Melisse Melone Mimose Minze Mirabelle Mispel
Mistel Mohn Moor Moos Mulde Muskat Myrte Narzisse Nelke Nessel Nuss Oase Obstbaum Olive Orange Orchidee
Oregano Palme Pampa Paprika Pappel Petersilie Pfeffer Pfingstrose Pfirsich Pflaume Phlox Pilz Platane Porree Primel Quelle
Quendel Quitte Radieschen Raps Reis Reneklode Rettich Rhabarber Ried Ringelblume Rittersporn Robinie Roggen Rose Rosine Rosmarin
Rübe Safran Salbei Sandbank Sauerklee Savanne Schafgarbe Schilf Schlehe Schlucht Schneeball See Seerose Senf Sesam Silberdistel
Sonnenblume Spargel Spinat Stechpalme Steppe Strand Tal Tanne Tee Teich Thymian Tomate Tulpe Tundra Veilchen Wacholder`;

/** Two words for the first two bytes of a sum. */
export function codeWords(sum: Uint8Array): readonly [string, string] {
  const [animal, plant] = [words(animals)[sum[0] ?? 0], words(plants)[sum[1] ?? 0]];
  if (!animal || !plant) throw new Error("the list of words is short");
  return [animal, plant];
}

function words(list: string): string[] {
  return list.trim().split(/\s+/);
}
