//! Drawings for papers as PNG. Letters are drawn with a font that the program has in itself, so a
//! picture has the same bytes on every machine. Only letters that the font lacks, such as Chinese
//! ones, are taken from the fonts of the machine.

use std::sync::Arc;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, FontResolver, Options, Tree, fontdb};

/// Liberation Sans without hinting, under a name of its own; `font/make_font` makes it.
const FONT: &[u8] = include_bytes!("../font/sans.ttf");

/// Dots per inch.
const DOTS: f32 = 300.0;

/// Dots per inch that SVG counts lengths by.
const SVG_DOTS: f32 = 96.0;

/// Dots per metre.
const DOTS_PER_METRE: u32 = 11_811;

/// Most dots of a picture: 400 MB of memory.
const MOST_DOTS: u64 = 100_000_000;

/// Why a drawing has no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is too large.
    #[error("{width} x {height} dots; at most {MOST_DOTS} are allowed")]
    TooLarge {
        /// Its width in dots.
        width: u32,
        /// Its height in dots.
        height: u32,
    },
    /// The drawing is no SVG.
    #[error("the drawing is not valid SVG")]
    Svg(#[from] usvg::Error),
    /// The picture cannot be written.
    #[error("the picture cannot be encoded")]
    Png(#[from] png::EncodingError),
}

/// A drawing as PNG with 300 dots per inch, on white.
///
/// # Errors
/// It is no SVG, or too large.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, PictureError> {
    let tree = Tree::from_str(svg, &options())?;
    let scale = DOTS / SVG_DOTS;
    let size = tree.size();
    let dots = |length: f32| (length * scale).round() as u32;
    let (width, height) = (dots(size.width()), dots(size.height()));
    let too_large = PictureError::TooLarge { width, height };
    if u64::from(width) * u64::from(height) > MOST_DOTS {
        return Err(too_large);
    }
    let mut picture = Pixmap::new(width, height).ok_or(too_large)?;
    picture.fill(Color::WHITE);
    let scale = Transform::from_scale(scale, scale);
    resvg::render(&tree, scale, &mut picture.as_mut());
    encode(&picture)
}

/// Without alpha, because white covers everything, and with the length of a dot, so that programs
/// show the picture in its size.
fn encode(picture: &Pixmap) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: DOTS_PER_METRE,
        yppu: DOTS_PER_METRE,
        unit: png::Unit::Meter,
    }));
    let pixels = picture.data().chunks_exact(4);
    let colours: Vec<u8> = pixels
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&colours)?;
    writer.finish()?;
    Ok(bytes)
}

/// All text in our font, what it lacks in those of the machine.
fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    let own = fonts.faces().next().map(|face| face.id);
    let of_machine = FontResolver::default_fallback_selector();
    Options {
        fontdb: Arc::new(fonts),
        font_resolver: FontResolver {
            select_font: Box::new(move |_, _| own),
            select_fallback: Box::new(move |letter, used, fonts| {
                if fonts.len() == 1 {
                    Arc::make_mut(fonts).load_system_fonts();
                }
                of_machine(letter, used, fonts)
            }),
        },
        ..Options::default()
    }
}
