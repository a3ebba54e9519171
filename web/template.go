package web

import (
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// templates lists the templates for summaries, for those who keep them.
func (s *server) templates(c echo.Context) error {
	found, err := s.Cases.Templates(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "templates", found)
}

func (s *server) shipTemplates(c echo.Context) error {
	if err := s.Cases.ShipTemplates(c.Request().Context(), me(c)); err != nil {
		return err
	}
	return s.done(c, "/templates", "template")
}

// templatePage is the form of one template; a new one has no id.
type templatePage struct {
	casefile.Template
	Names []string
	Form  form
}

// template shows one template, or with "new" the form for another.
func (s *server) template(c echo.Context) error {
	p := templatePage{Names: casefile.TemplateFields}
	if c.Param("id") != "new" {
		id, err := paramID(c, "id")
		if err != nil {
			return err
		}
		if p.Template, err = s.templateOf(c, id); err != nil {
			return err
		}
		if p.ID == uuid.Nil {
			return account.ErrNotFound
		}
	}
	p.Form = fill("name", p.Name)
	for name, f := range p.Fields {
		p.Form.Values[name+"_heading"], p.Form.Values[name+"_prompt"] = []string{f.Heading}, []string{f.Prompt}
		if f.Optional {
			p.Form.Values[name+"_optional"] = []string{"yes"}
		}
	}
	p.Form.Of = "template"
	return s.page(c, http.StatusOK, "template", p)
}

// templateOf finds one that the network offers; the plain one when it does not.
func (s *server) templateOf(c echo.Context, id uuid.UUID) (casefile.Template, error) {
	found, err := s.Cases.Templates(c.Request().Context(), me(c))
	if err != nil {
		return casefile.Template{}, err
	}
	i := slices.IndexFunc(found, func(t casefile.Template) bool { return t.ID == id })
	if i < 0 || id == uuid.Nil {
		return casefile.Template{}, nil
	}
	return found[i], nil
}

func (s *server) keepTemplate(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "template"
	t := casefile.Template{ID: strictID(f.Get("id")), Name: f.Get("name"), Fields: map[string]casefile.TemplateField{}}
	for _, name := range casefile.TemplateFields {
		t.Fields[name] = casefile.TemplateField{
			Heading: f.Get(name + "_heading"), Prompt: f.Get(name + "_prompt"), Optional: f.Has(name+"_optional", "yes"),
		}
	}
	err = s.Cases.KeepTemplate(c.Request().Context(), me(c), t)
	if f.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "template", templatePage{t, casefile.TemplateFields, f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/templates", "template")
}

func (s *server) retireTemplate(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Cases.RetireTemplate(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/templates", "template_retired")
}

// writing is what a form for a summary is made with: the template it follows, and the others it could follow.
type writing struct {
	Template  casefile.Template
	Templates []casefile.Template
}

// writingWith finds the template that was chosen in the address or in the form, or that the latest version has.
func (s *server) writingWith(c echo.Context, f form, latest uuid.UUID) (w writing, err error) {
	if w.Templates, err = s.Cases.Templates(c.Request().Context(), me(c)); err != nil {
		return w, err
	}
	id := latest
	if chosen, asked := c.QueryParams()["template"]; asked {
		id = strictID(chosen[0])
	} else if f.Get("template") != "" {
		id = strictID(f.Get("template"))
	}
	w.Template, err = s.templateOf(c, id)
	return w, err
}

// summaryField is the control for one field of a summary, asked for as the template does.
func (s *server) summaryField(f form, t casefile.Template, name string) field {
	v := s.field(f, "area", name)
	own := t.Fields[name]
	if own.Heading != "" {
		v.Label = own.Heading
	}
	if own.Prompt != "" {
		v.Hint = own.Prompt + " " + v.Hint[max(0, lastSentence(v.Hint)):]
	}
	v.Optional = !t.Required(name)
	return v
}

// lastSentence is where the last sentence of a hint begins: it says how long the text may be.
func lastSentence(hint string) int {
	at := 0
	for i := range len(hint) - 1 {
		if (hint[i] == '.' || hint[i] == '?') && hint[i+1] == ' ' {
			at = i + 2
		}
	}
	return at
}

// templateField is the heading or the prompt of one field of a template.
func (s *server) templateField(f form, of, what string) field {
	kind := map[string]string{"heading": "text", "prompt": "area"}[what]
	v := s.field(f, kind, of+"_"+what, "optional")
	v.Label, v.Hint = s.words.t("template.", what), ""
	return v
}
