"""Pitch from mel frames."""

from torch import Tensor, nn

from greenroom_speech.engines.step_audio.vocoder.sizes import F0Sizes

_LAYERS = 5


class F0Predictor(nn.Module):
    """Convolutions and a linear layer."""

    def __init__(self, sizes: F0Sizes) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = sizes.in_channels
        for _ in range(_LAYERS):
            layers += [nn.Conv1d(channels, sizes.cond_channels, 3, padding=1), nn.ELU(inplace=True)]
            channels = sizes.cond_channels
        self.condnet = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """Hz (batch, frames) of mel (batch, channels, frames)."""
        hertz: Tensor = self.classifier(self.condnet(mel).transpose(1, 2))
        return hertz.squeeze(2).abs()
