"""Geometry, colours, machine learning: plugins that a Trino distribution ships with."""

from __future__ import annotations

SCALARS = """\
bing_tile(integer, integer, integer) -> BingTile
bing_tile(varchar) -> BingTile
bing_tile_at(double, double, integer) -> BingTile
bing_tile_coordinates(BingTile) -> row(x integer,y integer)
bing_tile_polygon(BingTile) -> Geometry
bing_tile_quadkey(BingTile) -> varchar
bing_tile_zoom_level(BingTile) -> tinyint
bing_tiles_around(double, double, integer) -> array(BingTile)
bing_tiles_around(double, double, integer, double) -> array(BingTile)
classify(map(bigint, double), Classifier(bigint)) -> bigint
classify(map(bigint, double), Classifier(varchar)) -> varchar
color(double, color, color) -> color
color(double, double, double, color, color) -> color
color(varchar(x)) -> color
features(double) -> map(bigint, double)
features(double, double) -> map(bigint, double)
features(double, double, double) -> map(bigint, double)
features(double, double, double, double) -> map(bigint, double)
features(double, double, double, double, double) -> map(bigint, double)
features(double, double, double, double, double, double) -> map(bigint, double)
features(double, double, double, double, double, double, double) -> map(bigint, double)
features(double, double, double, double, double, double, double, double) -> map(bigint, double)
features(double, double, double, double, double, double, double, double, double) -> map(bigint, double)
features(double, double, double, double, double, double, double, double, double,
    double) -> map(bigint, double)
from_encoded_polyline, ST_GeometryFromText, ST_GeomFromKML, ST_LineFromText, ST_Polygon(varchar) -> Geometry
from_geojson_geometry(varchar) -> SphericalGeography
geometry_from_hadoop_shape, ST_GeomFromBinary(varbinary) -> Geometry
geometry_invalid_reason, ST_AsText, ST_GeometryType, to_encoded_polyline(Geometry) -> varchar
geometry_nearest_points(Geometry, Geometry) -> row(Geometry,Geometry)
geometry_to_bing_tiles(Geometry, integer) -> array(BingTile)
geometry_union, ST_LineString, ST_MultiPoint(array(Geometry)) -> Geometry
great_circle_distance(double, double, double, double) -> double
line_interpolate_point, simplify_geometry, ST_Buffer(Geometry, double) -> Geometry
line_interpolate_points(Geometry, double) -> array(Geometry)
line_locate_point(Geometry, Geometry) -> double
regress(map(bigint, double), Regressor) -> double
render(boolean) -> varchar(16)
render(bigint, color) -> varchar(35)
render(double, color) -> varchar(41)
render(varchar(x), color) -> varchar(y) where rendered
rgb(bigint, bigint, bigint) -> color
spatial_partitions(KdbTree, Geometry) -> array(integer)
spatial_partitions(KdbTree, Geometry, double) -> array(integer)
ST_Area, ST_Length(Geometry) -> double
ST_Area, ST_Length(SphericalGeography) -> double
ST_AsBinary(Geometry) -> varbinary
ST_Boundary, ST_Centroid, ST_ConvexHull, ST_EndPoint, ST_Envelope, ST_ExteriorRing,
    ST_StartPoint(Geometry) -> Geometry
ST_Contains, ST_Crosses, ST_Disjoint, ST_Equals, ST_Intersects, ST_Overlaps, ST_Touches,
    ST_Within(Geometry, Geometry) -> boolean
ST_CoordDim, ST_Dimension(Geometry) -> tinyint
ST_Difference, ST_Intersection, ST_SymDifference, ST_Union(Geometry, Geometry) -> Geometry
ST_Distance(Geometry, Geometry) -> double
ST_Distance(SphericalGeography, SphericalGeography) -> double
ST_EnvelopeAsPts, ST_Geometries, ST_InteriorRings, ST_Points(Geometry) -> array(Geometry)
ST_GeometryN, ST_InteriorRingN, ST_PointN(Geometry, integer) -> Geometry
ST_IsClosed, ST_IsEmpty, ST_IsRing, ST_IsSimple, ST_IsValid(Geometry) -> boolean
ST_NumGeometries(Geometry) -> integer
ST_NumInteriorRing, ST_NumPoints(Geometry) -> bigint
ST_Point(double, double) -> Geometry
ST_Relate(Geometry, Geometry, varchar) -> boolean
ST_X, ST_XMax, ST_XMin, ST_Y, ST_YMax, ST_YMin(Geometry) -> double
to_geojson_geometry(SphericalGeography) -> varchar
to_geometry(SphericalGeography) -> Geometry
to_spherical_geography(Geometry) -> SphericalGeography
"""

AGGREGATES = """\
convex_hull_agg, geometry_union_agg(Geometry) -> Geometry
evaluate_classifier_predictions(bigint, bigint) -> varchar
evaluate_classifier_predictions(varchar(x), varchar(y)) -> varchar
learn_classifier(bigint, map(bigint, double)) -> Classifier(bigint)
learn_classifier(double, map(bigint, double)) -> Classifier(bigint)
learn_classifier(varchar, map(bigint, double)) -> Classifier(varchar)
learn_libsvm_classifier(bigint, map(bigint, double), varchar(x)) -> Classifier(bigint)
learn_libsvm_classifier(double, map(bigint, double), varchar) -> Classifier(bigint)
learn_libsvm_classifier(varchar, map(bigint, double), varchar) -> Classifier(varchar)
learn_libsvm_regressor(bigint, map(bigint, double), varchar) -> Regressor
learn_libsvm_regressor(double, map(bigint, double), varchar) -> Regressor
learn_regressor(bigint, map(bigint, double)) -> Regressor
learn_regressor(double, map(bigint, double)) -> Regressor
spatial_partitioning(Geometry) -> varchar
"""
