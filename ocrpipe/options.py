"""All options of a pipeline, stage by stage; settings such as ``orientation.deskew=false`` change them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from ocrpipe.errors import ConfigError
from ocrpipe.io.images import MAX_PIXELS
from ocrpipe.settings import Settings, configured, pairs_of
from ocrpipe.stages.boxes import LayoutOptions
from ocrpipe.stages.filtering import FilterOptions
from ocrpipe.stages.glyph_cells import CellOptions
from ocrpipe.stages.reading import ReadingOptions
from ocrpipe.stages.rotated import RotatedOptions
from ocrpipe.stages.ruling import RulingOptions
from ocrpipe.stages.skew import OrientationOptions
from ocrpipe.stages.stored import PdfOptions
from ocrpipe.stages.vertical import VerticalOptions
from ocrpipe.stages.vertical_columns import ColumnOptions

_ENGINES = ("detector", "recognizer")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """Limits for images.

    Attributes:
        max_pixels: Images of a larger width × height are refused.
    """

    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.max_pixels < 1:
            raise ConfigError(f"options out of range: {self}")


@dataclass(frozen=True, slots=True)
class Options:
    """How pages are read; nothing is kept from call to call.

    Attributes:
        load: Limits for images.
        pdf: What becomes of the text that the pages of a PDF have, and of pages that are not upright.
        orientation: Quarter turns and skew.
        reading: Crops and the second pass.
        filter: Which lines are kept.
        rotated: Text rotated by 90° along the page.
        ruling: Ruled tables.
        vertical: Telling vertical text from horizontal.
        columns: Reading columns of vertical text.
        cells: Cutting such columns into characters.
        layout: Columns, rows and paragraphs.
        detector: Options of the detector, by name; those of ``ctpn`` are the fields of
            ``ocrpipe.detectors.ctpn.DetectorOptions``. Only for a detector that is given by name.
        recognizer: Likewise of the recogniser; those of ``crnn`` are ``ocrpipe.recognizers.crnn.Decoding``'s.
    """

    load: LoadOptions = LoadOptions()
    pdf: PdfOptions = PdfOptions()
    orientation: OrientationOptions = OrientationOptions()
    reading: ReadingOptions = ReadingOptions()
    filter: FilterOptions = FilterOptions()
    rotated: RotatedOptions = RotatedOptions()
    ruling: RulingOptions = RulingOptions()
    vertical: VerticalOptions = VerticalOptions()
    columns: ColumnOptions = ColumnOptions()
    cells: CellOptions = CellOptions()
    layout: LayoutOptions = LayoutOptions()
    detector: tuple[tuple[str, object], ...] = ()
    recognizer: tuple[tuple[str, object], ...] = ()

    def with_settings(self, settings: Settings | Iterable[str]) -> Options:
        """These options with some changed.

        Args:
            settings: Values by name, as in ``{"orientation.deskew": False}``, or texts ``NAME=VALUE``.

        Raises:
            ocrpipe.errors.ConfigError: A name is unknown, or a value does not fit. Names of an engine's
                options are only checked when the engine is loaded.
        """
        options, stages = self, [option.name for option in fields(self)]
        for name, value in pairs_of(settings):
            stage, dot, rest = name.partition(".")
            if not dot or stage not in stages:
                raise ConfigError(
                    f"cannot set {name!r}: names are STAGE.OPTION, where STAGE is one of {', '.join(stages)}"
                )
            if stage in _ENGINES:
                given = dict(getattr(options, stage)) | {rest: value}
                changed: object = tuple(sorted(given.items()))
            else:
                changed = configured(getattr(options, stage), {rest: value}, known_as=stage)
            options = replace(options, **{stage: changed})  # type: ignore[arg-type]
        return options
