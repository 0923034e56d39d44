"""The traction battery: parameters, pack model, and what its management system asks for."""
