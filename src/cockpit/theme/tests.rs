//! What every theme must keep to.

use std::path::PathBuf;

use super::*;

const COLOURED: [&str; 4] = ["dark", "light", "high-contrast", "colour-blind-safe"];
const DEPTHS: [Depth; 4] = [Depth::True, Depth::Palette256, Depth::Ansi16, Depth::None];
/// Drawn as lines, not as text.
const LINES: [Role; 2] = [Role::Border, Role::Focus];

fn load(name: &str, depth: Depth) -> Theme {
    Theme::load(name, depth, None).unwrap()
}

fn text_roles() -> impl Iterator<Item = Role> {
    Role::ALL.iter().copied().filter(|role| !LINES.contains(role))
}

/// The contrast of a style, on its own ground or that of the screen.
fn contrast(theme: &Theme, style: Style) -> f64 {
    let ground = style.bg.or(theme.style(Role::Text).bg).and_then(shown).unwrap();
    shown(style.fg.unwrap()).unwrap().contrast(ground)
}

/// A folder of themes with one file.
fn folder(name: &str, text: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dispatch-themes-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    folder
}

#[test]
fn every_text_is_legible_on_the_screen_and_in_a_selected_row_also_with_256_colours() {
    for name in COLOURED {
        for depth in [Depth::True, Depth::Palette256] {
            let theme = load(name, depth);
            for role in text_roles() {
                let least = if name == "high-contrast" { 7.0 } else { LEGIBLE };
                let found = contrast(&theme, theme.style(role));
                assert!(found >= least, "{name} {depth:?}: {role} has {found:.2}:1");
                for ground in [Role::Selection, Role::SelectionAway, Role::Input, Role::Banner, Role::Flash] {
                    let found = contrast(&theme, theme.style_on(ground, role));
                    assert!(found >= LEGIBLE, "{name} {depth:?}: {role} on {ground} has {found:.2}:1");
                }
            }
            let focus = contrast(&theme, theme.style(Role::Focus));
            assert!(focus >= 3.0, "{name} {depth:?}: the focused border has {focus:.2}:1");
        }
    }
}

#[test]
fn every_theme_says_how_every_role_looks() {
    for (name, _) in file::SHIPPED {
        let looks = file::looks(name, None).unwrap();
        for role in Role::ALL {
            assert!(looks.contains_key(role), "{name} says nothing of {role}");
        }
    }
    assert_eq!(Theme::names(None), ["dark", "light", "high-contrast", "colour-blind-safe", "mono"]);
    assert_eq!(Themes::read(Depth::True, None).themes.len(), 5);
}

#[test]
fn the_selected_row_is_told_from_the_others_on_every_terminal() {
    for (name, _) in file::SHIPPED {
        for depth in DEPTHS {
            let theme = load(name, depth);
            let screen = theme.style(Role::Text);
            for role in Role::ALL {
                let selected = theme.style_on_selection(*role);
                let is_reversed = selected.add_modifier.contains(Modifier::REVERSED);
                let grounds = (selected.bg.and_then(shown), screen.bg.and_then(shown));
                let is_lit = matches!(grounds, (Some(one), Some(two)) if one.contrast(two) > 1.15);
                assert!(is_reversed || is_lit, "{name} {depth:?}: {role} in the selected row");
            }
        }
    }
}

#[test]
fn the_clocks_keep_their_colours_apart_in_a_selected_row() {
    for name in COLOURED {
        for depth in [Depth::True, Depth::Palette256] {
            let theme = load(name, depth);
            let [ok, warn, breach] =
                [Role::SlaOk, Role::SlaWarn, Role::SlaBreach].map(|role| theme.style_on_selection(role).fg);
            assert!(ok != warn && warn != breach && ok != breach, "{name} {depth:?}: {ok:?} {warn:?} {breach:?}");
        }
    }
}

#[test]
fn mono_has_no_colour_and_no_color_makes_every_theme_mono() {
    let mono = load("mono", Depth::True);
    for role in Role::ALL {
        for style in [mono.style(*role), mono.style_on_selection(*role)] {
            assert!(matches!(style.fg, None | Some(Color::Reset)), "{role}");
            assert!(matches!(style.bg, None | Some(Color::Reset)), "{role}");
        }
        for name in COLOURED {
            let theme = load(name, Depth::None);
            assert_eq!(theme.style(*role), Theme::mono().style(*role), "{name} {role}");
            assert_eq!(theme.name, name);
        }
    }
    assert!(mono.style(Role::Selection).add_modifier.contains(Modifier::REVERSED));
    let texts = [Role::Text, Role::SlaBreach, Role::SlaWarn, Role::Muted].map(|role| mono.style(role));
    assert!(texts.iter().enumerate().all(|(n, one)| texts.iter().skip(n + 1).all(|two| one != two)));
}

#[test]
fn sixteen_colours_leave_the_users_own_ground_alone() {
    for name in COLOURED {
        let theme = load(name, Depth::Ansi16);
        assert_eq!(theme.style(Role::Text).bg, Some(Color::Reset));
        for role in Role::ALL {
            let style = theme.style(*role);
            assert!(!matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))), "{name} {role}");
            // A reversed row has no colour that would become its ground.
            assert_eq!(theme.style_on_selection(*role).fg, Some(Color::Reset), "{name} {role}");
        }
    }
}

/// What a person sees who lacks one kind of cone: the matrices of Machado, Oliveira and Fernandes
/// (2009) at full severity, on linear light.
const PROTANOPIA: [[f64; 3]; 3] =
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]];
const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
const TRICHROMACY: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// CIE L*a*b* (D65) of what is seen of a colour.
fn lab(color: Rgb, eye: [[f64; 3]; 3]) -> [f64; 3] {
    let times = |matrix: [[f64; 3]; 3], v: [f64; 3]| matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);
    let seen = times(eye, color.linear()).map(|part| part.clamp(0.0, 1.0));
    let xyz = times([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], seen);
    let white = [0.9505, 1.0, 1.089];
    let [x, y, z] = [0, 1, 2].map(|n| {
        let t: f64 = xyz[n] / white[n];
        if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn breach_warn_and_ok_differ_for_a_colour_blind_eye_in_colour_and_in_lightness() {
    for depth in [Depth::True, Depth::Palette256] {
        let theme = load("colour-blind-safe", depth);
        for (eye, matrix) in [("protan", PROTANOPIA), ("deutan", DEUTERANOPIA), ("all cones", TRICHROMACY)] {
            let clocks = [Role::SlaOk, Role::SlaWarn, Role::SlaBreach];
            for (n, one) in clocks.iter().enumerate() {
                for two in clocks.iter().skip(n + 1) {
                    for (is_selected, on) in
                        [(false, Theme::style as fn(&_, _) -> _), (true, Theme::style_on_selection)]
                    {
                        let [a, b] = [one, two].map(|role| lab(shown(on(&theme, *role).fg.unwrap()).unwrap(), matrix));
                        let apart = (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
                        assert!(apart >= 25.0, "{depth:?} {eye}: {one} and {two} are {apart:.0} apart");
                        let lighter = (a[0] - b[0]).abs();
                        assert!(
                            is_selected || lighter >= 6.0,
                            "{depth:?} {eye}: {one} and {two} differ by {lighter:.0} in lightness"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_users_file_changes_a_shipped_theme_or_makes_a_new_one() {
    let changed = folder("dark", "[roles]\naccent = { fg = \"#ffaa00\" }\ntitle = { bold = false }\n");
    let theme = Theme::load("dark", Depth::True, Some(&changed)).unwrap();
    assert_eq!(theme.style(Role::Accent).fg, Some(Color::Rgb(255, 170, 0)));
    assert!(theme.style(Role::Title).add_modifier.is_empty());
    assert_eq!(theme.style(Role::Error), load("dark", Depth::True).style(Role::Error));
    let new = folder("harbor", "base = \"light\"\n[roles]\naccent = { fg = \"#005f87\" }\n");
    let theme = Theme::load("harbor", Depth::True, Some(&new)).unwrap();
    assert_eq!(theme.style(Role::Text), load("light", Depth::True).style(Role::Text));
    assert_eq!(Theme::names(Some(&new)).last().unwrap(), "harbor");
    for folder in [changed, new] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_wrong_theme_is_named_with_its_line_and_what_is_allowed() {
    for (text, says) in [
        ("[roles]\nacent = { fg = \"#ffaa00\" }\n", &["line 2", "unknown variant `acent`", "`accent`"][..]),
        ("[roles]\n\naccent = { fg = \"orange\" }\n", &["line 3", "`orange` is no colour", "#rrggbb"]),
        ("[roles]\naccent = { ansi = \"orange\" }\n", &["line 2", "`bright-yellow`"]),
        ("[roles]\naccent = { blink = true }\n", &["line 2", "unknown field `blink`", "`bold`"]),
        ("\nbase = \"drak\"\n", &["line 2", "`drak` is no theme to start from", "dark, light"]),
        ("[roles]\naccent = { bold = true }\n", &["says nothing of text, muted", "base = \"dark\""]),
        ("roles = [", &["line 1"]),
    ] {
        let folder = folder("harbor", text);
        let error = Theme::load("harbor", Depth::True, Some(&folder)).unwrap_err().to_string();
        for part in says {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
        assert!(error.contains("harbor.toml"), "{error}");
        assert_eq!(Themes::read(Depth::True, Some(&folder)).wrong.len(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
    let error = Theme::load("drak", Depth::True, None).unwrap_err().to_string();
    assert_eq!(error, "There is no theme `drak`. There are: dark, light, high-contrast, colour-blind-safe, mono.");
    assert!(Theme::load("../dark", Depth::True, Some(&std::env::temp_dir())).is_err());
}
